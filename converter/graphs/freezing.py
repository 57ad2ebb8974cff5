"""Freeze a TensorFlow function: turn variables into constants, compute what depends on constants alone."""

from __future__ import annotations

from typing import Any

from converter.tensorflow_import import tensorflow


def freeze(function: Any) -> tuple[Any, str | None]:
    """Return a function's graph with variables turned into constants, and its output if it has only one."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    outputs = [tensor.name.split(":")[0] for tensor in frozen.outputs]
    graph_def = _fold_constants(frozen)
    return graph_def, outputs[0] if len(outputs) == 1 else None


def _fold_constants(frozen: Any) -> Any:
    """Return the function's GraphDef with nodes that depend on constants alone computed."""
    tf = tensorflow()
    from tensorflow.python.grappler import tf_optimizer

    meta_graph = tf.compat.v1.train.export_meta_graph(
        graph_def=frozen.graph.as_graph_def(), graph=frozen.graph, clear_devices=True
    )
    fetch = tf.compat.v1.MetaGraphDef().collection_def["train_op"]
    fetch.node_list.value.extend(tensor.name for tensor in frozen.outputs)
    meta_graph.collection_def["train_op"].CopyFrom(fetch)
    config = tf.compat.v1.ConfigProto()
    options = config.graph_options.rewrite_options
    options.optimizers.append("constfold")
    options.min_graph_nodes = -1  # also small graphs
    return tf_optimizer.OptimizeGraph(config, meta_graph)
