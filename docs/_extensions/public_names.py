"""Lets references find a class by the module it is written in, not only by its public name."""

import importlib

from sphinx.util.nodes import make_refnode

import keras_seismic


def public_names():
    """``keras_seismic.room.file.Name`` to ``keras_seismic.room.Name``, for every public name."""
    names = {}
    for room in keras_seismic.__all__:
        module = getattr(keras_seismic, room)
        for name in getattr(module, "__all__", ()):
            written_in = getattr(getattr(module, name), "__module__", None)
            names[f"{written_in}.{name}"] = f"keras_seismic.{room}.{name}"
    return names


def resolve(app, env, node, contnode):
    """Link a reference that Sphinx did not find."""
    target = public_names().get(node.get("reftarget"))
    entry = env.get_domain("py").objects.get(target)
    if entry is None:
        return None
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, target)


def setup(app):
    importlib.import_module("keras_seismic")
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}
