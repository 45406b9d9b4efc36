"""A plot and a section of the report."""

from rnnbench.plugin import ReportSection, RunPlot


class SizesPlot(RunPlot):
    """The number of parameters of each model."""

    kind, section, title = "sizes", "sizes", "Parameters"

    def prepare(self):
        self.sizes = {
            m.name: m.params for m in self.run.results.models if m.name in self.chosen
        }
        self.size = (6, 1.5 + 0.4 * len(self.sizes))
        self.alt = ", ".join(f"{name}: {params}" for name, params in self.sizes.items())

    def draw(self, axes):
        axes.barh(list(self.sizes), list(self.sizes.values()))
        axes.set_xlabel("parameters")
        return ()  # the entries of a legend


def sizes(reported):
    facts = {model.name: f"{model.params:,}" for model in reported.results.models}
    return ReportSection("sizes", "Sizes", [("facts", facts)])
