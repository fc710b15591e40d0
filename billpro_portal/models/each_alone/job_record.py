from odoo import models


class BillproJobRecord(models.AbstractModel):
    """A record of a room above that a job works on: what `billpro.failure` asks it.

    Models of the addon with jobs of their own inherit this. Whose the failures of orders, their
    payments and their invoices are, `billpro.failure` knows itself.
    """

    _name = 'billpro.job.record'
    _description = "Record of a Job"

    # Where a task is still to be done, by the task: a domain of the model.
    _tasks_to_do = {}

    def _prepare_failure(self):
        """Return the values of a failure that tell whose it is, and what is at stake.

        :return: Of `order_id`, `event_id` and `amount` those that are known; by default the order
                 of a record that has one.
        :rtype: dict
        """
        return {'order_id': self.order_id.id} if 'order_id' in self._fields else {}

    def _check_may_try_again(self):
        """Check that the user may have it tried again; all billing users may, unless it says so.

        :raise AccessError: If not.
        """

    def _queue_again(self):
        """Have it done once more, as if for the first time; its job looks by itself otherwise."""
