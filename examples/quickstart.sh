#!/usr/bin/env bash
# Raw text to a pre-trained model to question answering, in a few minutes.

set -euo pipefail
usage() {
  cat <<'USAGE'
Usage: bash examples/quickstart.sh [options]

Trains a WordPiece vocabulary, builds the TFRecords, pre-trains a tiny ELECTRA,
evaluates it, fine-tunes it on question answering, fine-tunes the same model
again from random weights, and prints a table that compares the two. Without
options it uses the Arabic example data in examples/data. The first run creates
a virtual environment in the repository (.venv-tf1 or .venv-tf2).

To resume a run that was stopped, start it again with the same options. Existing
files are never overwritten.

  --data-dir DIR      folder for all output: vocabulary, TFRecords, models,
                      results (default: quickstart-data-tf1 or -tf2 in the
                      repository). An existing vocab.txt in it is used.
  --corpus-dir DIR    text to pre-train on: UTF-8 files, one sentence per line,
                      an empty line between documents
  --qa TASK           question answering task: squadv1 (default), arcd, tydiqa,
                      squad, or an MRQA task
  --qa-dir DIR        folder with the task's files, train.json and dev.json
                      (arcd: also arcd-train.json and arcd-test.json); default:
                      those in DATA_DIR/finetuning_data/TASK
  --arabert           clean the corpus as AraBERT and AraELECTRA did
  --vocab-size N      tokens in the vocabulary (default: 4000)
  --pretraining-hparams FILE, --finetuning-hparams FILE
                      hyperparameters (default: quickstart_*.json in
                      examples/hparams; with --corpus-dir, own_data_*.json)
  --steps N           pre-training steps (default: as in the hparams file)
  --tensorflow 1|2    TensorFlow 1.15 on Python 3.7, or 2.15 on 3.9 to 3.11
                      (default: 1 if Python 3.7 is available, else 2)
  --gpu               install TensorFlow's GPU build, and fail if it finds no GPU
  -h, --help          this text

For example, on your own corpus and ARCD:
  bash examples/quickstart.sh --data-dir ~/electra --corpus-dir ~/corpus \
    --arabert --vocab-size 32000 --qa arcd --qa-dir ~/SOQAL/data
USAGE
}

fail() { echo "error: $*" >&2; exit 2; }

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
data_dir="" corpus_dir="" qa_task="" qa_dir="" is_arabert="" steps=""
vocab_size="" pretraining_hparams="" finetuning_hparams="" tensorflow=default
while [ $# -gt 0 ]; do
  case "$1" in
    -h|--help) usage; exit 0 ;;
    --arabert) is_arabert=yes; shift; continue ;;
    --gpu) export ELECTRA_GPU=1; shift; continue ;;
    --data-dir|--corpus-dir|--qa|--qa-dir|--vocab-size|--steps) ;;
    --pretraining-hparams|--finetuning-hparams|--tensorflow) ;;
    *) fail "unknown option '$1'; see --help" ;;
  esac
  [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value; see --help"
  case "$1" in
    --data-dir) data_dir="$2" ;;
    --corpus-dir) corpus_dir="$2" ;;
    --qa) qa_task="$2" ;;
    --qa-dir) qa_dir="$2" ;;
    --vocab-size) vocab_size="$2" ;;
    --steps) steps="$2" ;;
    --pretraining-hparams) pretraining_hparams="$2" ;;
    --finetuning-hparams) finetuning_hparams="$2" ;;
    --tensorflow) tensorflow="$2" ;;
  esac
  shift 2
done

case "$tensorflow" in
  default|1|2) ;;
  *) fail "--tensorflow takes 1 or 2, got '$tensorflow'" ;;
esac
if [ -n "$corpus_dir" ]; then
  kind=own_data
  [ -d "$corpus_dir" ] || fail "--corpus-dir: '$corpus_dir' is not a folder"
else
  kind=quickstart
  corpus_dir="$root/examples/data/corpus"
fi
if [ -z "$qa_task" ] && [ -z "$qa_dir" ]; then
  qa_dir="$root/examples/data/qa"
fi
qa_task="${qa_task:-squadv1}"
[ -z "$qa_dir" ] || [ -d "$qa_dir" ] ||
  fail "--qa-dir: '$qa_dir' is not a folder"
hparams="$root/examples/hparams"
pretraining_hparams="${pretraining_hparams:-$hparams/${kind}_pretraining.json}"
finetuning_hparams="${finetuning_hparams:-$hparams/${kind}_finetuning.json}"

. "$root/scripts/environment.sh"
prepare_environment "$tensorflow"
# Hides the warnings of Python and NumPy about TensorFlow's own code.
export PYTHONWARNINGS=ignore
if [ -z "$data_dir" ]; then
  data_dir="$root/quickstart-data-tf$TENSORFLOW"
fi
mkdir -p "$data_dir"

SECONDS=0
num_processes="$("$PYTHON" -c 'import os; print(min(8, os.cpu_count()))')"
step() {
  printf "\n=== [%d:%02d] %s\n" $((SECONDS / 60)) $((SECONDS % 60)) "$*"
}
run() { "$PYTHON" "$root/$1" "${@:2}"; }
# Prints the hyperparameters in file $1, overridden by the JSON object $2.
hparams_with() {
  "$PYTHON" -c '
import json, sys
with open(sys.argv[1], encoding="utf-8") as f:
  hparams = json.load(f)
hparams.update(json.loads(sys.argv[2]))
print(json.dumps(hparams))' "$1" "$2"
}

changes="{}"
if [ -n "$steps" ]; then
  changes="{\"num_train_steps\": $steps}"
fi
pretraining="$(hparams_with "$pretraining_hparams" "$changes")"
max_seq_length="$("$PYTHON" -c '
import json, sys
print(json.loads(sys.argv[1]).get("max_seq_length", 512))' "$pretraining")"
# The first shard of examples is held out for the evaluation.
shards="$data_dir/pretrain_tfrecords/pretrain_data.tfrecord"
build=build_pretraining_dataset.py
vocab_flags=(--no-lower-case)
if [ -n "$is_arabert" ]; then
  build=build_arabert_pretraining_data.py
  vocab_flags+=(--arabert)
fi

cat <<MESSAGE
Raw text to question answering in six steps: vocabulary, examples, pre-training,
evaluation, and fine-tuning twice, from the pre-trained and from random weights.
MESSAGE
[ "$kind" = own_data ] || cat <<MESSAGE
On two CPU cores it takes 4 to 6 minutes, half of it pre-training.
MESSAGE
cat <<MESSAGE
All files are written to $data_dir
Ctrl-C stops; the same command resumes.
MESSAGE

step "1/6 Training a vocabulary"
if [ -e "$data_dir/vocab.txt" ]; then
  echo "Using the existing $data_dir/vocab.txt"
else
  run train_vocab.py --corpus-dir "$corpus_dir" \
    --output-file "$data_dir/vocab.txt" --vocab-size "${vocab_size:-4000}" \
    "${vocab_flags[@]}"
fi

step "2/6 Building pre-training examples"
if [ -e "$data_dir/pretrain_tfrecords/dataset_info.json" ]; then
  echo "Using the existing $data_dir/pretrain_tfrecords"
else
  run "$build" --corpus-dir "$corpus_dir" --vocab-file "$data_dir/vocab.txt" \
    --output-dir "$data_dir/pretrain_tfrecords" --no-lower-case \
    --max-seq-length "$max_seq_length" --num-processes "$num_processes" \
    --num-out-files 20
fi

step "3/6 Pre-training"
run run_pretraining.py --data-dir "$data_dir" --model-name quickstart \
  --hparams "$(hparams_with <(echo "$pretraining") \
    "{\"pretrain_tfrecords\": \"$shards-[1-9]*\"}")"

step "4/6 Evaluating on held-out examples"
run run_pretraining.py --data-dir "$data_dir" --model-name quickstart \
  --hparams "$(hparams_with <(echo "$pretraining") "{\"do_train\": false,
    \"do_eval\": true, \"pretrain_tfrecords\": \"$shards-0-*\"}")"

# Copy the questions to the folder where the task reads them.
task_dir="$data_dir/finetuning_data/$qa_task"
if [ -n "$qa_dir" ]; then
  mkdir -p "$task_dir"
  for file in "$qa_dir"/*.json "$qa_dir"/*.jsonl "$qa_dir"/*.jsonl.gz; do
    [ -e "$file" ] || continue
    copy="$task_dir/$(basename "$file")"
    if [ ! -e "$copy" ]; then
      cp "$file" "$copy"
    elif ! cmp -s "$file" "$copy"; then
      fail "$copy differs from $file. Use another --data-dir, or omit" \
        "--qa-dir to use the existing files."
    fi
  done
fi

step "5/6 Fine-tuning on $qa_task from the pre-trained weights"
run run_finetuning.py --data-dir "$data_dir" --model-name quickstart \
  --hparams "$(hparams_with "$finetuning_hparams" \
    "{\"task_names\": [\"$qa_task\"]}")"

step "6/6 Fine-tuning on $qa_task from random weights"
run run_finetuning.py --data-dir "$data_dir" --model-name quickstart_random \
  --hparams "$(hparams_with "$finetuning_hparams" \
    "{\"task_names\": [\"$qa_task\"], \"init_checkpoint\": null}")"

step "Results"
run examples/summarize.py --data-dir "$data_dir" --task "$qa_task"
finetuned="$data_dir/models/quickstart/finetuning_models/${qa_task}_model_1"
for folder in "$data_dir/models/quickstart" "$finetuned"; do
  run report.py "$folder"
done
cat <<MESSAGE

What next:
  Ask the model questions in a browser:
    $PYTHON $root/demo.py $finetuned
  Fetch and verify ARCD, real questions on Arabic Wikipedia:
    $PYTHON $root/examples/get_data.py arcd --data-dir $data_dir
  Do the same with your own text:
    bash $root/examples/quickstart.sh --data-dir DIR --corpus-dir YOUR_TEXT
MESSAGE
