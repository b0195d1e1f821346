"""The answer as a picture: what was counted, beside what is true, by month and by label."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from demo.outcome import Outcome


def draw(it: Outcome, path: Path) -> None:
    """Write a PNG. The first time ever takes longer: matplotlib looks for the fonts there are."""
    os.environ.setdefault("MPLCONFIGDIR", os.fspath(path.parent / "matplotlib"))
    from matplotlib.axes import Axes  # noqa: PLC0415 - it reads that variable
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - likewise
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    def compare(axes: Axes, names: Sequence[str], counted: list[int], truth: list[int]) -> None:
        places = np.arange(len(names))
        axes.bar(places, counted, width=0.7, color="#3b7dd8", label="counted on the devices")
        axes.plot(places, truth, "_", color="#1b1b1b", markersize=18, label="truth")
        axes.set_xticks(places, names, rotation=45)
        axes.set_ylabel("photos")
        axes.spines[["top", "right"]].set_visible(False)

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    months, labels = sorted(it.truth.months), sorted(it.truth.labels)
    by_month = [sum(it.answer.months.get(month, {}).values()) for month in months]
    compare(left, months, by_month, [it.truth.months[month] for month in months])
    left.set_title("When people photographed digits")
    by_label = [it.answer.labels.get(label, 0) for label in labels]
    compare(right, labels, by_label, [it.truth.labels[label] for label in labels])
    right.set_title("Which ones")
    figure.legend(
        *right.get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2
    )
    title = f"{it.answer.items} photos on {it.devices} devices; none of them left its device"
    figure.suptitle(title)
    new = path.with_name(f".{os.getpid()}.{path.name}")
    figure.savefig(new, dpi=130, metadata={"Title": title})  # What no test could read of pixels.
    new.replace(path)
