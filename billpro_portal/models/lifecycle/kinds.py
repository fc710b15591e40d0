"""Models of which there is a class for each kind: purchase types, notices and providers.

What is asked of all kinds is declared by one abstract model, `billpro.purchase.type`,
`billpro.notice` or `billpro.provider`. Each kind is a model that inherits it, in this addon or in
another one, and overrides what differs. Nothing else names the kinds: they are found here.
"""


def find_kinds(model):
    """Return the models of all installed kinds.

    :param odoo.models.Model model: An empty record of the model that declares what they answer.
    :return: An empty record of each, in the order of their names.
    :rtype: list[odoo.models.Model]
    """
    names = model.env.registry.descendants([model._name], '_inherit') - {model._name}
    return [model.env[name] for name in sorted(names)]
