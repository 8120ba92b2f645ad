"""Shows what a model predicts, on a local web page or in the terminal.

  python demo.py data/models/araelectra

serves a page for a pre-trained model: fill a mask, find replaced tokens.

  python demo.py data/models/araelectra/finetuning_models/arcd_model_1

does so for a fine-tuned one: answer a question, classify, tag. --terminal reads
and prints in the terminal instead. See docs/demo.md.
"""

import argparse
import os

import configure_pretraining
import export_model
from finetune import export_config
from playground import terminal
from playground import web_server
from util import command_line
from util import flags
from util import hparams
from util import utils

DEFAULT_PORT = 7860
HOST = "127.0.0.1"  # this machine only
EXAMPLE = "python demo.py data/models/araelectra --port 8080"


def main():
  args = make_parser().parse_args()
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
  model = load(args.model_dir, args.data_dir,
               hparams.parse_hparams(args.hparams))
  if args.terminal:
    terminal.run(model, input)
    return
  with web_server.WebServer(model, args.host, args.port) as server:
    utils.log("Open %s in a browser; Ctrl-C ends it." % server.url)
    server.serve_forever()


def make_parser():
  """Returns the argument parser of this command."""
  parser = command_line.Parser(__doc__, example=EXAMPLE)
  parser.add_argument("model_dir", type=flags.path, metavar="MODEL_DIR",
                      help="directory of a pre-trained or fine-tuned model, or "
                      "a checkpoint's prefix such as DIR/model.ckpt-1000")
  parser.add_argument("--terminal", action="store_true",
                      help="ask in the terminal (default: on a web page)")
  parser.add_argument("--port", type=_port, default=DEFAULT_PORT, metavar="N",
                      help="port of the page; 0: any that is free (default: "
                      "%d)" % DEFAULT_PORT)
  parser.add_argument("--host", default=HOST, metavar="ADDRESS",
                      help="address to listen on; there is no password, so use "
                      "another only in a network you trust (default: %s)" %
                      HOST)
  parser.add_argument("--data-dir", type=flags.path, metavar="DIR",
                      help="--data-dir of the fine-tuning, for labels learned "
                      "from data (default: inferred from the path)")
  parser.add_argument("--hparams", default="{}", metavar="JSON",
                      help="JSON object, or path of a .json file: training "
                      "hyperparameters that are not recorded (default: {})")
  return parser


def load(model_dir, data_dir=None, passed=()):
  """Returns the PretrainedModel or FinetunedModel of a folder.

  Args:
    model_dir: str, a model folder or a checkpoint's prefix.
    data_dir: str, or None to infer it from the folder.
    passed: {name: value} of hyperparameters that are not recorded.

  Raises:
    utils.UserError: there is no model, or a hyperparameter is wrong.
  """
  checkpoint = export_config.find_checkpoint(model_dir)
  config = export_model.make_config(checkpoint, data_dir, dict(passed))
  export_model.check_record(config, checkpoint)
  # These import TensorFlow, which takes seconds: only after the checks.
  if isinstance(config, configure_pretraining.PretrainingConfig):
    from playground import pretrained
    return pretrained.PretrainedModel(config, checkpoint)
  from playground import finetuned
  return finetuned.FinetunedModel(config, checkpoint)


def _port(text):
  if not text.isdigit() or int(text) > 65535:
    raise argparse.ArgumentTypeError(
        "expected a number from 0 to 65535, got %r" % text)
  return int(text)


if __name__ == "__main__":
  utils.exit_cleanly(main)
