"""What a process that is forked by `helpers.warm` has imported when it begins."""

from kerastransfer.foundation.tensorflow_import import import_quietly

import_quietly()

import kerastransfer.distances.between  # noqa: E402
import kerastransfer.distribution.replicas  # noqa: E402
import kerastransfer.export.predictor  # noqa: E402
import kerastransfer.records.prepare  # noqa: E402
import kerastransfer.runs.execution  # noqa: E402
import kerastransfer.tuning.search  # noqa: E402, F401
