import logging

import psycopg2

from odoo import api, models
from odoo.exceptions import ConcurrencyError, LockError, RedirectWarning, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ...billing import backoff

_logger = logging.getLogger(__name__)
# Somebody else was faster, or has the record: nobody's fault, and gone with the next try.
GIVE_WAY = (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, ConcurrencyError, LockError)
# Those of them after which the rest of the transaction is still as good as before.
HELD = (psycopg2.errors.LockNotAvailable, LockError)


class BillproOwnTransaction(models.AbstractModel):
    """Each alone: what happens with one record stops no other.

    Jobs go through payments, notices, messages and orders. Any of them can raise anything: a
    refusal of Odoo's, a `RedirectWarning` (which is no `UserError`), a mistake in another addon,
    an error of the database, after which its transaction can't go on. So each has a transaction of
    its own, or a savepoint where many are done at once, and whatever is raised ends there. The
    traceback is logged, the reason is kept in `billpro.failure`, and it is tried again: a few
    times, then a person hears of it.

    Only what is nobody's fault isn't counted: another worker was faster or holds the record.
    """

    _name = 'billpro.own.transaction'
    _description = "Own Transaction"

    @api.model
    def _lock_rows(self, records):
        """Lock records against everybody else who locks them so, whatever is changed of them.

        Waits for the lock, in the order of ids. The rows are updated, not only locked: whoever
        waited with an older view of the database then fails with a serialization error, which
        Odoo answers by running the request or the job anew on the new state.

        :param odoo.models.Model records: The records.
        """
        if not records:
            return
        table = SQL.identifier(records._table)
        self.env.cr.execute(
            SQL(
                """
                UPDATE %(table)s
                   SET write_uid = write_uid
                 WHERE id IN (
                       SELECT id FROM %(table)s WHERE id IN %(ids)s ORDER BY id FOR NO KEY UPDATE
                 )
                """,
                table=table,
                ids=tuple(records.ids),
            ),
            log_exceptions=False,  # A lost race is no error: Odoo tries again.
        )

    @api.model
    def _is_limit_reached(self, model, since, limits):
        """Return whether as many records were made as may be, whoever else makes one right now.

        Whoever counts the same waits until the transaction that asked before is over. What it has
        made isn't in an older view of the database: it is counted in a new one.

        :param str model: The model of the records.
        :param datetime.datetime since: From when on they count.
        :param dict limits: How many there may be by pairs of field and value.
        :rtype: bool
        """
        for name, value in sorted(limits, key=str):  # All in one order.
            self.env.cr.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
                [f'billpro_limit {model} {name} {value}'],
            )
        with self.env.registry.cursor() as cr:
            records = self.env(cr=cr, su=True)[model]
            return any(
                records.search_count([('create_date', '>', since), (name, '=', value)]) >= most
                for (name, value), most in limits.items()
            )

    @api.model
    def _commit_alone(self, record, task, act, **options):
        """Act on a record and commit, or roll back, note the reason, and let the others go on.

        :param odoo.models.Model record: The record; its cursor is the one that is committed.
        :param str task: What is done, a value of `billpro.failure.task`.
        :param Callable act: Locks the record and does it; returns False if it can't be done now
                             because somebody else has the record.
        :param dict options: What becomes of a failure, see `_note_failure`.
        :return: Whether it was done.
        :rtype: bool
        """
        cr = record.env.cr
        try:
            is_done = act() is not False
            if is_done:
                record.env['billpro.failure']._forget(record, task)
            # Each for itself: the failure of another one must not undo it.
            cr.commit()  # pylint: disable=invalid-commit
            return is_done
        except GIVE_WAY as error:
            cr.rollback()  # Another worker has it.
            self._log_giving_way(record, task, error)
            return False
        except UserError as error:
            cr.rollback()
            cause = error
            self._log_refusal(record, task, error)
        except Exception as error:
            cr.rollback()
            cause = error
            _logger.exception("Task %s failed for %s", task, record)
        try:
            self._note_failure(record, task, cause, **options)
            # The next one may break off: what is known of this one is kept.
            cr.commit()  # pylint: disable=invalid-commit
        except GIVE_WAY:
            cr.rollback()  # It is noted when it fails the next time.
        return False

    @api.model
    def _split_until_alone(self, groups, task, act, **options):
        """Act on many records at once and, if that fails, on each group of them by itself.

        The caller holds the locks, and commits.

        :param Iterable[odoo.models.Model] groups: The records, by what must be done together.
        :param str task: What is done, a value of `billpro.failure.task`.
        :param Callable act: Does it for the records that it is given.
        :param dict options: What becomes of a failure, see `_note_failure`.
        :return: What the function returned each time, and the records that were not done.
        :rtype: tuple[list, odoo.models.Model]
        :raise Exception: One of `GIVE_WAY`, after which the whole transaction can't go on.
        """
        groups = list(groups)
        records = groups[0].union(*groups[1:])
        try:
            with records.env.cr.savepoint():
                result = act(records)
                records.env['billpro.failure']._forget(records, task)
            return [result], records.browse()
        except HELD as error:
            cause = None  # The others need not wait for it.
            self._log_giving_way(records, task, error)
        except (*GIVE_WAY, psycopg2.InterfaceError):  # The latter: the connection is lost.
            raise
        except UserError as error:
            cause = error
            self._log_refusal(records, task, error)
        except Exception as error:
            cause = error
            _logger.exception("Task %s failed for %s", task, records)
        if len(groups) == 1:
            for record in records if cause else ():
                self._note_failure(record, task, cause, **options)
            return [], records
        parts = [self._split_until_alone([group], task, act, **options) for group in groups]
        return (
            [result for results, _failed in parts for result in results],
            records.browse().union(*(failed for _results, failed in parts)),
        )

    @api.model
    def _is_survived(self, record, task, act):
        """Act in a savepoint; log what is raised, and go on.

        :param odoo.models.Model record: The record that it is about.
        :param str task: What is done.
        :param Callable act: Does it.
        :return: Whether nothing was raised.
        :rtype: bool
        :raise Exception: One of `GIVE_WAY`, after which the whole transaction can't go on.
        """
        try:
            with record.env.cr.savepoint():
                act()
        except (*GIVE_WAY, psycopg2.InterfaceError):  # The latter: the connection is lost.
            raise
        except Exception:
            _logger.exception("Task %s failed for %s", task, record)
            return False
        return True

    @api.model
    def _note_failure(
        self, record, task, error, on_failure=None, delays=backoff.OWN_TRANSACTION, tells_staff=True
    ):
        """Note that something failed; tell staff when it isn't tried again.

        Noting it may fail as well, and stops nobody either.

        :param odoo.models.Model record: The record.
        :param str task: What was done.
        :param Exception error: What was raised.
        :param Callable on_failure: Called with the failure and the error, to note more.
        :param tuple delays: After which times it is tried again; then it is set aside.
        :param bool tells_staff: Whether staff get an activity; else `on_failure` sees to it.
        :raise Exception: One of `GIVE_WAY`, after which the whole transaction can't go on.
        """
        failures = []

        def keep():
            if record.exists():  # Nobody misses what was deleted meanwhile.
                failures.append(
                    record.env['billpro.failure']._record_failure(
                        record, task, self._get_error_text(error), delays
                    )
                )

        def follow():
            if on_failure:
                on_failure(failure, error)

        if not self._is_survived(record, task, keep) or not failures:
            return
        (failure,) = failures
        self._is_survived(record, task, follow)
        if tells_staff and failure.exists():
            self._is_survived(record, task, failure._tell_staff_once)

    @api.model
    def _get_error_text(self, error):
        """Return what was raised as staff read it.

        :param Exception error: What was raised.
        :rtype: str
        """
        if isinstance(error, RedirectWarning):
            return str(error.args[0])
        if isinstance(error, UserError):
            return str(error)
        # Databases add what stands in the row, on lines of their own.
        first_line = (str(error).splitlines() or [''])[0]
        return f'{type(error).__name__}: {first_line}'

    @api.model
    def _log_giving_way(self, records, task, error):
        _logger.info("Task %s is left for later for %s: %s", task, records, type(error).__name__)

    @api.model
    def _log_refusal(self, records, task, error):
        _logger.info("Task %s was refused for %s: %s", task, records, error)
