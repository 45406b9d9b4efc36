"""A baseline."""

from rnnbench.plugin import Baseline


class Nearest(Baseline):
    """The topic of the nearest texts."""

    kind = "nearest"
    k: int = 1

    def pipeline(self, seed):
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.pipeline import make_pipeline

        ids = CountVectorizer(token_pattern=r"\S+")
        return make_pipeline(ids, KNeighborsClassifier(self.k))
