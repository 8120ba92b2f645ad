"""A graph with restored weights that answers one request after the other."""

import tensorflow.compat.v1 as tf

from model import checkpoint as checkpoint_lib
from util import estimators


class InferenceGraph:
  """Holds the weights in memory; not for several threads at once."""

  def __init__(self, prefix, build_fn):
    """Builds the graph and restores its variables.

    Args:
      prefix: str, of the checkpoint.
      build_fn: function without arguments that builds the model in the current
        graph and returns ({name: placeholder}, {name: Tensor}).

    Raises:
      utils.UserError: the checkpoint does not fit the model.
    """
    estimators.setup_tensorflow()
    with tf.Graph().as_default() as graph:
      self._placeholders, self._outputs = build_fn()
      # The global step may be missing, and decides nothing here.
      variables = [variable for variable in tf.global_variables()
                   if variable.op.name != checkpoint_lib.GLOBAL_STEP]
      checkpoint_lib.plan(prefix, variables, required=["."])
      self._session = tf.Session(
          graph=graph, config=tf.ConfigProto(allow_soft_placement=True))
      checkpoint_lib.CastingSaver(variables).restore(self._session, prefix)
      graph.finalize()

  def run(self, features, names=None):
    """Returns {output: NumPy array} for a batch.

    Args:
      features: {placeholder: array}.
      names: list of the outputs to compute; None: all.
    """
    outputs = {name: self._outputs[name] for name in names or self._outputs}
    return self._session.run(outputs, {
        self._placeholders[name]: value for name, value in features.items()})
