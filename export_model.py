"""Writes a SavedModel for serving: it loads in TensorFlow without this code.

From a pre-trained model:
  python export_model.py --model-dir data/models/araelectra \\
      --output-dir serving/araelectra/1

gives the signatures `discriminate` (which tokens were replaced), `fill_mask`
(what the generator puts in place of [MASK]) and `encode` (vectors). From a
fine-tuned one:
  python export_model.py --output-dir serving/ner/1 --model-dir \\
      data/models/araelectra/finetuning_models/ner_model_1

it gives `predict_<task>` for every task, and `encode`. All take input_ids,
input_mask and segment_ids, int32 [batch, length]. Vocabulary, tokenizer
settings and the names of labels go to assets.extra in the folder.
"""

import argparse
import os

import configure_finetuning
import configure_pretraining
from model import tokenization
from util import hparams
from util import model_hparams
from util import utils

SIGNATURES = ("discriminate", "fill_mask", "encode", "predict")
PREDICT = "predict_"
GRAPH_NAME = "saved_model.pb"
VOCAB_NAME = "vocab.txt"
TOKENIZER_CONFIG = "tokenizer_config.json"
MODEL_CONFIG = "config.json"
FINETUNING_FOLDER = "finetuning_models"  # inside a pre-trained model's folder
BEST_FOLDER = "best"  # inside a fine-tuned model's folder


def main():
  args = parse_args()
  checkpoint = check_checkpoint(args.checkpoint or args.model_dir)
  check_output_dir(args.output_dir, args.overwrite)
  config = make_config(checkpoint, args.data_dir,
                       hparams.parse_hparams(args.hparams))
  check_signatures(args.signatures, config)
  tokenization.FullTokenizer(config.vocab_file)  # has the special tokens
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
  run(config, checkpoint, args.output_dir, names=args.signatures,
      all_layers=args.all_layers, top_k=args.top_k,
      everywhere=args.fill_everywhere)


def parse_args(argv=None):
  """Returns the command line's arguments.

  Args:
    argv: list of str, the words of the command line; None: this process's.
  """
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  source = parser.add_mutually_exclusive_group(required=True)
  source.add_argument("--model-dir", metavar="DIR",
                      help="folder of a pre-trained or fine-tuned model; its "
                      "best or newest checkpoint is taken")
  source.add_argument("--checkpoint", metavar="PREFIX",
                      help="one checkpoint, such as DIR/model.ckpt-1000")
  parser.add_argument("--output-dir", required=True, metavar="DIR",
                      help="the folder to write; TensorFlow Serving wants "
                      "NAME/NUMBER")
  parser.add_argument("--overwrite", action="store_true",
                      help="replace the SavedModel in --output-dir (default: "
                      "refuse)")
  parser.add_argument("--data-dir", metavar="DIR",
                      help="the --data-dir of the fine-tuning, for tasks whose "
                      "labels are learned from their data (default: by the "
                      "place of the model folder)")
  parser.add_argument("--hparams", default="{}", metavar="JSON",
                      help="a JSON object, or the path of a .json file, of "
                      "hyperparameters as in training, where the model folder "
                      "does not record them (default: {})")
  parser.add_argument("--signatures", nargs="+", metavar="NAME",
                      help="some of %s, predict_<task> (default: all that the "
                      "checkpoint can give)" % ", ".join(SIGNATURES))
  parser.add_argument("--all-layers", action="store_true",
                      help="encode: give the output of every layer too "
                      "(default: of the last)")
  parser.add_argument("--top-k", type=positive_int, default=10, metavar="N",
                      help="fill_mask: tokens proposed (default: 10)")
  parser.add_argument("--fill-everywhere", action="store_true",
                      help="fill_mask: propose tokens for every position, not "
                      "for [MASK] only; as many times slower as there are "
                      "positions (default: [MASK] only)")
  return parser.parse_args(argv)


def positive_int(text):
  """Returns `text` as an int of at least 1; for argparse."""
  if not text.isdigit() or int(text) < 1:
    raise argparse.ArgumentTypeError(
        "expected a whole number of at least 1, got %r" % text)
  return int(text)


def check_checkpoint(path):
  """Returns where to take the checkpoint from: a folder or a prefix.

  Raises:
    UserError: there is none.
  """
  if path.endswith(".index"):
    path = path[:-len(".index")]
  if utils.exists(path + ".index"):
    return path
  if not utils.isdir(path):
    raise utils.UserError("Expected a model folder or a checkpoint's prefix at "
                          "%s, found neither." % path)
  if not any(name.endswith(".index") for name in utils.listdir(path)):
    raise utils.UserError(
        "Expected a checkpoint (model.ckpt-<step>.index and .data files) in "
        "%s, found none; give the folder of the trained weights." % path)
  path = path.rstrip("/")
  best = os.path.join(path, BEST_FOLDER)
  if utils.isdir(best) and any(name.endswith(".index")
                               for name in utils.listdir(best)):
    utils.log("Taking the best weights of the training: %s" % best)
    return best
  return path


def check_output_dir(output_dir, overwrite):
  """Raises a UserError if the output folder must not be written to."""
  if not utils.exists(output_dir):
    return
  if not utils.isdir(output_dir):
    raise utils.UserError("Expected a folder as --output-dir, %s is a file." %
                          output_dir)
  if not utils.listdir(output_dir):
    return
  if not utils.exists(os.path.join(output_dir, GRAPH_NAME)):
    raise utils.UserError("%s holds other files than a SavedModel; give a new "
                          "folder as --output-dir." % output_dir)
  if not overwrite:
    raise utils.UserError("%s holds a SavedModel already; give a new folder as "
                          "--output-dir, or --overwrite to replace it." %
                          output_dir)


def check_signatures(names, config):
  """Raises a UserError for a name that no model of that kind could have."""
  is_finetuned = hasattr(config, "task_names")
  known = (("encode", "predict") + tuple(
      PREDICT + name for name in config.task_names) if is_finetuned
           else SIGNATURES[:-1])
  for name in names or ():
    if name not in known:
      raise utils.UserError(
          "--signatures: expected some of %s for a %s model, got '%s'." % (
              ", ".join(known), "fine-tuned" if is_finetuned
              else "pre-trained", name))


# ------------------------------------------------------------- configuration


def make_config(checkpoint, data_dir, passed):
  """Returns the config of a checkpoint: what is recorded, then `passed`.

  Args:
    checkpoint: str, a model folder or a checkpoint's prefix.
    data_dir: str, or None to work it out.
    passed: {name: value} of hyperparameters.

  Returns:
    FinetuningConfig if the folder records a fine-tuning or `passed` has
    "task_names", else PretrainingConfig.

  Raises:
    UserError: a hyperparameter is wrong, or the vocabulary is missing.
  """
  folder = checkpoint if utils.isdir(checkpoint) else os.path.dirname(
      checkpoint)
  values = {}
  vocab_file = os.path.join(folder, VOCAB_NAME)
  if utils.exists(vocab_file):
    values["vocab_file"] = vocab_file
  record = os.path.join(folder, configure_finetuning.RUN_RECORD)
  if utils.exists(record) or "task_names" in passed:
    config = _finetuning_config(folder, record, data_dir, values, passed)
  else:
    config = _pretraining_config(folder, data_dir, values, passed)
  if not utils.exists(config.vocab_file):
    raise utils.UserError(
        "Expected the vocabulary of the model at %s, found none; put it there, "
        "or set vocab_file in --hparams." % vocab_file)
  return config


def _finetuning_config(folder, record, data_dir, values, passed):
  declared = configure_finetuning.FinetuningConfig.declared()
  if utils.exists(record):
    values.update((name, value) for name, value in
                  _load_object(record).items() if name in declared)
  values["init_checkpoint"] = folder  # where tokenizer settings are looked for
  values.update(passed)
  # <data_dir>/models/<model_name>/finetuning_models/<tasks>_model_<trial>/best
  trial = os.path.abspath(folder)
  if os.path.basename(trial) == BEST_FOLDER:
    trial = os.path.dirname(trial)
  pretrained, parent = os.path.split(os.path.dirname(trial))
  model_name, default_dir = "model", folder
  if parent == FINETUNING_FOLDER and not utils.is_remote(folder):
    model_name = os.path.basename(pretrained)
    default_dir = os.path.dirname(os.path.dirname(pretrained))
  return configure_finetuning.FinetuningConfig(
      model_name, data_dir or default_dir, **values)


def _pretraining_config(folder, data_dir, values, passed):
  path = os.path.join(folder, MODEL_CONFIG)
  # A model_size says that the sizes are those of a preset.
  if utils.exists(path) and "model_size" not in passed:
    recorded = _load_object(path)
    values.update((name, recorded[name]) for name in
                  ("embedding_size", "vocab_size") if name in recorded)
    values["model_hparam_overrides"] = {
        name: recorded[name] for name in model_hparams.OVERRIDES
        if name in recorded}
  overrides = dict(values.get("model_hparam_overrides", {}))
  values.update(passed)
  if isinstance(values.get("model_hparam_overrides", {}), dict):
    overrides.update(values.get("model_hparam_overrides", {}))
    values["model_hparam_overrides"] = overrides
  num_positions = overrides.get("max_position_embeddings")
  if isinstance(num_positions, int):  # else the config says what is wrong
    # Of the training; here nothing but a length that fits.
    values.setdefault("max_seq_length", max(5, num_positions))
  values.setdefault("model_dir", folder)
  return configure_pretraining.PretrainingConfig(
      os.path.basename(folder), data_dir or folder, **values)


def _load_object(path):
  content = utils.load_json(path)
  if not isinstance(content, dict):
    raise utils.UserError("%s: expected a JSON object." % path)
  return content


def tokenizer_settings(checkpoint, config):
  """Returns what tokenizer_config.json of the SavedModel says."""
  folder = checkpoint if utils.isdir(checkpoint) else os.path.dirname(
      checkpoint)
  path = os.path.join(folder, TOKENIZER_CONFIG)
  recorded = _load_object(path) if utils.exists(path) else {}
  if "do_lower_case" not in recorded and not config.was_passed("do_lower_case"):
    utils.log("No tokenizer settings at %s: recorded do_lower_case %s; set it "
              "in --hparams if that is wrong" % (
                  path, str(config.do_lower_case).lower()))
  settings = {"do_lower_case": config.do_lower_case,
              "strip_accents": getattr(config, "strip_accents",
                                       config.do_lower_case),
              "preprocessing": None}
  return dict(settings, **recorded)


# ---------------------------------------------------------------------- work


def run(config, checkpoint, output_dir, *, names=None, all_layers=False,
        top_k=10, everywhere=False):
  """Writes the SavedModel.

  Args:
    config: PretrainingConfig or FinetuningConfig of the checkpoint.
    checkpoint: str, a model folder or a checkpoint's prefix.
    output_dir: str; a SavedModel that is there is replaced.
    names: list of signatures; None: all that the checkpoint can give.
    all_layers: bool, whether `encode` gives every layer.
    top_k: int, tokens that `fill_mask` proposes.
    everywhere: bool, whether `fill_mask` proposes them for every position.

  Raises:
    UserError: the checkpoint does not fit the config, or lacks what a signature
      in `names` needs.
  """
  # Imports TensorFlow, after the configuration was found good.
  import tensorflow.compat.v1 as tf
  from model import checkpoint as checkpoint_lib
  from model import model_sizes
  from model import saved_model
  from util import estimators

  estimators.setup_tensorflow()
  prefix = checkpoint_lib.latest(checkpoint)
  shapes = checkpoint_lib.shapes_of(prefix)
  bert_config = model_sizes.get_bert_config(config)
  build = (build_finetuned if hasattr(config, "task_names")
           else build_pretrained)
  with tf.Graph().as_default(), tf.Session(
      config=tf.ConfigProto(allow_soft_placement=True)) as session:
    inputs = saved_model.make_inputs(bert_config.max_position_embeddings)
    methods = build(config, prefix, shapes, inputs, names,
                    all_layers=all_layers, top_k=top_k, everywhere=everywhere)
    variables = tf.global_variables()
    checkpoint_lib.plan(prefix, variables, required=["."])
    tf.train.Saver(variables).restore(session, prefix)
    saved_model.write(
        output_dir, session, inputs, methods, default=next(iter(methods)),
        about={"checkpoint": os.path.basename(prefix),
               "global_step": checkpoint_lib.global_step_of(prefix)},
        extra_files={
            VOCAB_NAME: config.vocab_file,
            TOKENIZER_CONFIG: tokenizer_settings(checkpoint, config),
            MODEL_CONFIG: dict(
                bert_config.to_dict(),
                embedding_size=model_sizes.get_embedding_size(
                    config, bert_config))})
    num_weights = sum(variable.shape.num_elements() for variable in variables)
  utils.log("Wrote the signatures {} to {} ({} variables, {:,} weights, from {})"
            .format(", ".join(methods), output_dir, len(variables),
                    num_weights, prefix))


def build_pretrained(config, prefix, shapes, inputs, names, *, all_layers,
                     top_k, everywhere):
  """Returns {name: saved_model.Signature} of a pre-trained checkpoint."""
  from finetune import signatures as finetune_serving
  from pretrain import signatures

  reasons = signatures.reasons_to_leave_out(config, shapes)
  for name in signatures.NAMES:
    if names and name in names and name in reasons:
      raise utils.UserError("--signatures: no '%s' from %s: %s." % (
          name, prefix, reasons[name]))
    if not names and name in reasons:
      utils.log("Left out %s: %s" % (name, reasons[name]))
  tasks = finetune_serving.trained_tasks(shapes)
  if tasks and not names:
    utils.log("Left out the heads of %s: set \"task_names\" in --hparams, and "
              "the hyperparameters of the fine-tuning, to have them" %
              ", ".join(tasks))
  names = [name for name in signatures.NAMES
           if name in (names or signatures.NAMES) and name not in reasons]
  return signatures.build(config, shapes, inputs, names, signatures.Options(
      all_layers=all_layers, top_k=top_k, everywhere=everywhere))


def build_finetuned(config, prefix, shapes, inputs, names, *, all_layers,
                    **unused_options):
  """Returns {name: saved_model.Signature} of a fine-tuned checkpoint."""
  from finetune import signatures
  from finetune import task_builder

  tasks = task_builder.get_tasks(config)
  signatures.check_heads(tasks, shapes, prefix)
  known = signatures.signature_names(tasks)
  if names:
    known = [name for name in known if name in names or (
        "predict" in names and name.startswith(PREDICT))]
  return signatures.build(config, tasks, inputs, known, all_layers=all_layers)


if __name__ == "__main__":
  utils.exit_cleanly(main)
