"""Import path kept for code that was written for google-research/electra.

The code is in util.estimators, util.session_hooks and util.progress.
"""

# pylint: disable=unused-import
from util.estimators import make_run_config  # noqa: F401
from util.estimators import setup_tensorflow  # noqa: F401
from util.progress import readable_time as secs_to_str  # noqa: F401
from util.session_hooks import ProgressHook  # noqa: F401
