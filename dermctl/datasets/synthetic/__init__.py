"""The synthetic sample: a data set drawn by code, laid out like PAD-UFES-20.

In the order in which one module builds on another:

- `view`, `textures`, `curves`: geometry, noise and lines, all in millimetres;
- `layers`, `skin`: what skin is made of, and the colour that follows;
- `outline`, `lesion`, `paint`, `diagnoses`: lesions, and how the six classes differ;
- `strands`, `lighting`, `backdrop`, `scenes`, `photograph`: from a scene to a picture;
- `cohort`, `metadata`, `defects`, `plan`: patients, rows and deliberate faults;
- `readme`, `folder`, `write`: the files.
"""

from dermctl.datasets.synthetic.write import SampleSummary, draw_sample

__all__ = ["SampleSummary", "draw_sample"]
