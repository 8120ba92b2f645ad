"""Converts TF1 checkpoints to Hugging Face folders and back, bit for bit.

Weights are only renamed and transposed, so a round trip returns the same bits.
(heads.py has the one exception, and its inverse.)

| module | its job |
|---|---|
| exporter | one module of a checkpoint -> folder |
| importer | folders -> checkpoint |
| variable_names | the names of each weight on the two sides |
| heads | conversion of fine-tuned heads |
| model_folder, tokenizer_files | the files of a Hugging Face folder |
| conversion_report | what was done with every variable |
"""
