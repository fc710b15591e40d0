"""The routes that an addon adds or extends, and which of them open the order of a request first."""


def get_open_routes(env, addon):
    """Return the routes of an addon that don't open an order by `order_route`.

    :param odoo.api.Environment env: Any environment.
    :param str addon: The addon.
    :return: The names of the methods.
    :rtype: set[str]
    """
    modules = sorted(env.registry._init_modules)
    rules = env['ir.http']._generate_routing_rules(modules, converters={})
    return {
        endpoint.__name__
        for endpoint in {endpoint.func for _url, endpoint in rules}
        for cls in type(endpoint.__self__).mro()
        if cls.__module__.startswith(f'odoo.addons.{addon}.')
        and endpoint.__name__ in vars(cls)
        and not getattr(vars(cls)[endpoint.__name__], 'opens_order', False)
    }
