"""Makes schemathesis send recordings as some of its files."""

from pathlib import Path

import schemathesis
from hypothesis import strategies as st

EXAMPLES = Path(__file__).parents[2] / "examples"
recordings = st.sampled_from([(EXAMPLES / name).read_bytes() for name in ("silence.wav", "light.opus")])

schemathesis.openapi.format("binary", st.one_of(st.binary(max_size=1000), recordings))
