"""The export to ONNX that docs/hugging_face.md describes, in ONNX Runtime.

Skipped without the packages of requirements-notebooks.txt.
"""

import os
import re
import tempfile
import unittest

import numpy as np

try:
  import onnxruntime
  import torch
  import transformers
except ImportError:
  torch = None

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


@unittest.skipUnless(torch, "requires requirements-notebooks.txt")
class OnnxTest(unittest.TestCase):

  def test_exported_model_gives_the_logits_of_the_folder(self):
    with open(os.path.join(ROOT, "docs", "hugging_face.md"),
              encoding="utf-8") as f:
      snippet, = re.findall(r"```python\n(.*?)```", f.read(), re.S)
    with tempfile.TemporaryDirectory() as temporary:
      folder = os.path.join(temporary, "hf")
      onnx_file = os.path.join(temporary, "model.onnx")
      config = transformers.ElectraConfig(
          vocab_size=160, embedding_size=16, hidden_size=32,
          num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
          max_position_embeddings=64)
      torch.manual_seed(0)
      model = transformers.ElectraForQuestionAnswering(config).eval()
      model.save_pretrained(folder)
      exec(snippet, {"FOLDER": folder, "ONNX_FILE": onnx_file})
      session = onnxruntime.InferenceSession(onnx_file)
      for shape in ((1, 5), (3, 64)):  # other than that of the export
        features = {
            "input_ids": np.random.RandomState(0).randint(5, 160, shape),
            "attention_mask": np.ones(shape, np.int64),
            "token_type_ids": np.zeros(shape, np.int64)}
        with torch.no_grad():
          expected = model(**{name: torch.tensor(array)
                              for name, array in features.items()})
        start, end = session.run(["start_logits", "end_logits"], features)
        np.testing.assert_allclose(start, expected.start_logits, atol=1e-5)
        np.testing.assert_allclose(end, expected.end_logits, atol=1e-5)


if __name__ == "__main__":
  unittest.main()
