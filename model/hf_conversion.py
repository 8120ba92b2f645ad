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

from model import hf_export
from model import hf_import

to_hf = hf_export.to_hf
to_tf = hf_import.to_tf
write_checkpoint = hf_import.write_checkpoint
