"""What autodoc does not find out by itself about names that a room takes from its modules."""

import sys

from sphinx.pycode import ModuleAnalyzer
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
    """Link a class in an annotation, which says where it is written, to its public name."""
    target = public_names().get(node.get("reftarget"))
    entry = env.get_domain("py").objects.get(target)
    if entry is None:
        return None
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, target)


def describe_constant(app, what, full_name, constant, options, lines):
    """Take the ``#:`` comment of a constant for its docstring, not that of its type."""
    if what != "data":
        return
    lines.clear()
    room, _, name = full_name.rpartition(".")
    for module in [module for module in sys.modules if f"{module}.".startswith(f"{room}.")]:
        if comment := ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name)):
            lines.extend(comment)
            return


def setup(app):
    app.connect("missing-reference", resolve)
    app.connect("autodoc-process-docstring", describe_constant)
    return {"parallel_read_safe": True}
