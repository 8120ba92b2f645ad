"""TF1 checkpoints to Hugging Face folders, and back, bit for bit.

Weights are not computed with, only named anew and transposed, so that a round
trip gives the same bits. (hf_heads.py has the one exception, and its inverse.)

| module | its one job |
|---|---|
| hf_export | one part of a checkpoint → folder |
| hf_import | folders → checkpoint |
| hf_names | which weight is called what on the two sides |
| hf_heads | which fine-tuned heads have a counterpart |
| hf_folder, hf_tokenizer | the files of a folder |
| hf_report | what was done with every variable |
"""

from model.huggingface import exporter
from model.huggingface import importer

to_hf = exporter.to_hf
to_tf = importer.to_tf
write_checkpoint = importer.write_checkpoint
