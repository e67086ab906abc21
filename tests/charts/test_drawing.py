"""Every chart is drawn: the same bytes each time, whatever it holds, in bounds, and with what its data says."""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import font_manager

from antivenom.charts import (
    Axis,
    Bars,
    BarSeries,
    Chart,
    Field,
    Heatmap,
    Histogram,
    Images,
    Lines,
    Panels,
    Points,
    Scatter,
    Series,
    Table,
    Tile,
    Values,
    column,
)
from tests.helpers.every_chart import NASTY, every_chart

PNG = b"\x89PNG"
MOST_PIXELS = 4000


def drawn_size(chart: Chart) -> tuple[int, int]:
    png = chart.to_png()
    assert png.startswith(PNG)
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


@pytest.mark.slow
@pytest.mark.parametrize("name", every_chart())
def test_the_same_chart_gives_the_same_bytes_whatever_style_is_set(name: str) -> None:
    chart = every_chart()[name]
    png, svg = chart.to_png(), chart.to_svg()
    with mpl.rc_context({"lines.linewidth": 9, "text.color": "red", "axes.facecolor": "black"}):
        assert (every_chart()[name].to_png(), every_chart()[name].to_svg()) == (png, svg)
        assert mpl.rcParams["lines.linewidth"] == 9  # and it is still set afterwards
    assert every_chart(seed=1)[name].to_png() != png or name == "model.table"


def test_nothing_loads_matplotlib_before_a_chart_is_drawn() -> None:
    check = "import sys, antivenom, antivenom.charts; assert not any('matplotlib' in name for name in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_drawing_never_loads_pyplot() -> None:
    check = "import sys; from antivenom.charts import *; Table(columns=('a',), rows=()).to_png()"
    subprocess.run([sys.executable, "-c", f"{check}; assert 'matplotlib.pyplot' not in sys.modules"], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("label", NASTY)
def test_hostile_words_are_only_words(label: str) -> None:
    panels = every_chart(label)["model.panels"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = panels.to_svg().decode()
    assert drawn_size(panels) > (100, 100)
    if label == "$x$":
        assert ">$x$</text>" in svg.replace("\n", "")
        assert "italic" not in svg  # as mathematics would be


def test_words_keep_their_letters() -> None:
    drawn = every_chart("a $x$ and \\$ <b>")["model.dots"].to_svg().decode()
    assert "a $x$ and \\$ &lt;b&gt;" in drawn


ODD = {
    "nothing": np.empty(0),
    "nan": np.full(3, np.nan),
    "infinite": np.array([np.inf, -np.inf, 1.0]),
    "one": np.array([2.0]),
    "the same": np.full(5, 7.0),
    "huge": np.array([1e308, -1e308, 1e-320]),
    "not positive": np.array([-1.0, 0.0, -5.0]),
}


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
def test_odd_numbers_can_be_drawn(values: np.ndarray, scale: str) -> None:
    axis, n = Axis(scale=scale, low=0.0, whole=True), len(values)  # type: ignore[arg-type]
    charts = (
        Lines(x=axis, y=axis, series=(Series(x=values, y=values, low=values, high=values, marks=True),), levels=values),
        Bars(categories=("a",) * n, series=(BarSeries(values=values, limits=values, ringed=values > 0),), value=axis),
        Bars(categories=("a",) * n, series=(BarSeries(values=values),), value=axis, style="bars", horizontal=True),
        Heatmap(values=values[None]),
        Heatmap(values=values[:, None], diverging=True, percent=False),
        Scatter(
            x=axis,
            groups=(Points(xy=np.stack([values, values], 1)),),
            fields=(Field(x=values, y=values, values=np.outer(values, np.sign(values)), levels=values, contour=0.0),),
            arrows=np.stack([values] * 4, 1),
        ),
        Histogram(groups=(Values(values=values),), x=axis, threshold=float(values[0]) if n else None),
        Images(rows=((Tile(pixels=values[None, None], colours="heat"),), ())),
        Table(columns=(), rows=()),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for chart in (Panels(charts=charts, across=4), Panels(charts=())):
            wide, high = drawn_size(chart)
            assert 50 < wide < MOST_PIXELS
            assert 30 < high < MOST_PIXELS


MANY = 100_000
LARGE = {
    "bars": lambda: Bars(categories=("a",) * MANY, series=(BarSeries(values=np.zeros(MANY)),), horizontal=True),
    "series": lambda: Lines(series=tuple(Series(x=np.array([0, 1]), y=np.array([i, 1])) for i in range(500))),
    "places": lambda: Lines(series=(Series(x=np.arange(MANY), y=np.sin(np.arange(MANY))),)),
    "heatmap": lambda: Heatmap(values=np.zeros((3000, 3000))),
    "points": lambda: Scatter(groups=(Points(xy=np.zeros((MANY, 2))),)),
    "groups": lambda: Scatter(groups=tuple(Points(xy=np.array([[i, 0]])) for i in range(500))),
    "tiles": lambda: Images(rows=((Tile(pixels=np.zeros((1, 4, 4))),) * 500,) * 100),
    "rows": lambda: Table(columns=("a",) * 100, rows=(("b",) * 100,) * 10_000),
    "panels": lambda: Panels(charts=tuple(Table(columns=("a",), rows=()) for _ in range(500)), across=500),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_a_large_chart_is_cut_and_says_so(name: str) -> None:
    chart = LARGE[name]()
    assert max(drawn_size(chart)) < 2 * MOST_PIXELS
    words = chart.to_svg().decode()
    assert "drawn." in words or "shown." in words


def test_a_peak_between_a_hundred_thousand_places_is_still_drawn() -> None:
    y = np.zeros(MANY)
    y[54_321] = 9.0
    line = Lines(series=(Series(x=np.arange(MANY), y=y),)).to_matplotlib().axes[0].get_lines()[0]
    assert len(line.get_xdata()) < 5000
    assert line.get_xdata()[np.argmax(line.get_ydata())] == 54_321


def test_a_role_looks_the_same_in_every_chart_and_differs_by_more_than_colour() -> None:
    def looks(*roles: str) -> list[tuple[object, ...]]:
        series = tuple(Series(x=np.array([0, 1]), y=np.array([0, 1]), role=role, marks=True) for role in roles)  # type: ignore[arg-type]
        lines = Lines(series=series).to_matplotlib().axes[0].get_lines()
        return [(line.get_color(), line.get_marker(), line.get_linestyle(), line.get_fillstyle()) for line in lines]

    victim, control = looks("victim", "control")
    assert looks("control", "neutral", "victim")[::2] == [control, victim]
    assert victim[0] != control[0]
    assert victim[1:3] != control[1:3]
    found = looks(*("victim", "victim", "control", "control"), *[""] * 40)
    assert len({look[1:] for look in found[:4]}) == 4
    assert len(set(found)) == len(found)


def test_the_font_that_is_drawn_with_comes_with_matplotlib() -> None:
    assert "matplotlib" in font_manager.findfont("DejaVu Sans")


def labelled(title: str, count: int) -> Lines:
    x = np.array([0, 1])
    return Lines(title=title, series=tuple(Series(label=f"a series, number {each}", x=x, y=x) for each in range(count)))


def boxes(chart: Panels) -> tuple[Any, list[Any], list[Any]]:
    """The figure's legend, the plots' legends and the titles that are there, as boxes on the page."""
    figure = chart.to_matplotlib()
    figure.set_dpi(50)
    figure.draw_without_rendering()
    own = [axes.get_legend().get_window_extent() for axes in figure.axes if axes.get_legend()]
    titles = [axes._left_title.get_window_extent() for axes in figure.axes if axes.get_title(loc="left")]
    return figure.legends[0].get_window_extent() if figure.legends else None, own, titles


@pytest.mark.parametrize("across", [2, 3])
@pytest.mark.parametrize("title", ["", "a title of all"])
def test_panels_share_a_legend_above_their_titles(across: int, title: str) -> None:
    chart = Panels(title=title, charts=tuple(labelled(f"panel {n}", 5 * (n < 2)) for n in range(3)), across=across)
    shared, own, titles = boxes(chart)
    assert not own
    assert len(titles) == 3
    assert shared.y0 >= max(each.y1 for each in titles)
    assert not chart.to_matplotlib().get_suptitle()


@pytest.mark.parametrize("counts", [(2,), (7,), (2, 9), (9, 0, 5)])
def test_a_title_stands_directly_above_its_legend(counts: tuple[int, ...]) -> None:
    charts = tuple(labelled(f"panel {number}", count) for number, count in enumerate(counts))
    shared, own, titles = boxes(Panels(charts=charts, across=len(counts)))
    assert shared is None
    for legend, title in zip(own, [titles[place] for place, count in enumerate(counts) if count], strict=True):
        assert 0 <= title.y0 - legend.y1 < 1.5 * title.height


def test_panels_share_colours() -> None:
    maps = tuple(Heatmap(values=np.eye(2), low=0, high=high) for high in (1, 1))
    assert len(Panels(charts=maps, across=2).to_matplotlib().axes) == 3
    maps = tuple(Heatmap(values=np.eye(2), low=0, high=high) for high in (1, 2))
    assert len(Panels(charts=maps, across=2).to_matplotlib().axes) == 4


def test_panels_with_one_y_axis_have_one() -> None:
    low, high = (
        Lines(y=Axis(label="y"), series=(Series(x=np.array([0, 1]), y=np.array([0, top])),)) for top in (1, 50)
    )
    shared = Panels(charts=(low, high), across=2, share_y=True).to_matplotlib().axes
    assert shared[0].get_ylim() == shared[1].get_ylim()
    apart = Panels(charts=(low, high), across=2).to_matplotlib().axes
    assert apart[0].get_ylim() != apart[1].get_ylim()


def test_a_histogram_counts_each_group_in_percent_of_itself() -> None:
    groups = (Values(values=np.repeat([0.0, 1.0], [30, 10])), Values(values=np.array([1.0, np.nan])))
    axes = Histogram(groups=groups).to_matplotlib().axes[0]
    heights = [patch.get_data().values for patch in axes.patches]
    assert [each.sum() for each in heights] == pytest.approx([100, 100])
    assert (heights[0][0], heights[1][-1]) == pytest.approx((75, 100))


def test_a_notebook_shows_the_picture_and_its_words() -> None:
    chart = Table(name="t", columns=("a",), rows=(), caption="<b>", alt='"quoted"')
    html = chart._repr_html_()
    assert "&lt;b&gt;" in html
    assert "&quot;quoted&quot;" in html
    assert 'src="data:image/png;base64,' in html
    assert chart._repr_png_() == chart.to_png()
    assert repr(chart) == "Table(t: <b>)"


HOSTILE_SETTINGS = {
    "other values": b"text.usetex: True\nbackend: TkAgg\nfont.family: None\nfigure.dpi: 300\nsavefig.bbox: tight\n",
    "not text": b"\xff\xfe\0",
}
DRAW = """
import sys
from antivenom.charts import Lines, Series, column
from antivenom.charts.drawing import to_png
sys.stdout.buffer.write(to_png(Lines(series=(Series(x=column([1, 2]), y=column([3, 4])),), title="50 % of a_b")))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE_SETTINGS)
def test_the_users_own_settings_change_no_byte(name: str, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_bytes(HOSTILE_SETTINGS[name])
    environment = {**os.environ} | ({"MPLBACKEND": "nonsense"} if name == "not text" else {})
    done = subprocess.run([sys.executable, "-c", DRAW], cwd=tmp_path, env=environment, capture_output=True, check=True)
    chart = Lines(series=(Series(x=column([1, 2]), y=column([3, 4])),), title="50 % of a_b")
    assert done.stdout == chart.to_png()
