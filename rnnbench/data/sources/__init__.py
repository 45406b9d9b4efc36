"""The catalogue of sources: the built-in ones, and those of plug-ins.

``SOURCES["r8"]`` is R8.
"""

from rnnbench.data.corpus import Corpus
from rnnbench.data.source import Source
from rnnbench.data.sources.files import FILES
from rnnbench.data.sources.keras_set import KERAS
from rnnbench.data.sources.r52 import MODAPTE, R8, R52
from rnnbench.data.sources.sgml import SGML
from rnnbench.registry import Registry

BUILT_IN = (KERAS, SGML, R52, R8, MODAPTE, FILES)  # in the order of trying them
AUTO = (KERAS.name, SGML.name, R52.name)  # what ``data.source: auto`` tries, in order
SOURCES: Registry[Source] = Registry("source", Source, BUILT_IN)


def source_of(corpus: Corpus) -> Source:
    """Return the source of a corpus; an unknown one counts as Keras's."""
    return SOURCES.get(corpus.provenance.get("source", ""), KERAS)
