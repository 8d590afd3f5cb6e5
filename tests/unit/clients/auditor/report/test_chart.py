"""Plots as inline SVG."""

from xml.etree import ElementTree

from clients.auditor.dates import day
from clients.auditor.report.chart import Frame, Line, moment, plot, steps

FRAME = Frame(
    title='<b>"&',
    described="said <aloud>",
    width=200,
    height=100,
    x=(0.0, 10.0),
    y=(0.0, 1.0),
    x_ticks=((0.0, "a"), (5.0, "b"), (10.0, "c")),
    y_ticks=((0.0, "0"), (1.0, "1")),
)


def test_a_plot_is_well_formed_and_escapes_its_text() -> None:
    line = Line("<i>", "released", ((0.0, 0.0), (10.0, 1.0)))
    root = ElementTree.fromstring(plot(FRAME, [line], marks=[(5.0, 0.5)]))
    assert (root.get("role"), root.get("aria-label")) == ("img", "said <aloud>")
    texts = [each.text for each in root.iter("text")]
    assert texts == ['<b>"&', "0", "1", "a", "b", "c", "<i>"]
    assert len(list(root.iter("circle"))) == 1


def test_points_on_one_pixel_are_drawn_once() -> None:
    line = Line("", "worst", tuple((n / 1000, 0.0) for n in range(1000)))
    drawn = plot(FRAME, [line]).split('class="line worst" d="')[1].split('"')[0]
    assert len(drawn.split("L")) < 200


def test_no_points_and_no_width_are_no_trouble() -> None:
    flat = Frame("", "", 200, 100, (3.0, 3.0), (0.0, 0.0), (), ())
    assert 'class="line' not in plot(flat, [Line("x", "worst", ())])
    assert "nan" not in plot(flat, [Line("", "worst", ((3.0, 0.0),))])


def test_a_step_keeps_its_height_until_the_next() -> None:
    assert steps([(1.0, 0.5), (2.0, 0.7)], until=4.0) == (
        (1.0, 0.5),
        (2.0, 0.5),
        (2.0, 0.7),
        (4.0, 0.7),
    )
    assert steps([], until=4.0) == ()


def test_times_are_dates_in_utc_and_never_stop_a_report() -> None:
    assert day(0) == "1970-01-01"
    assert day(2**40) == str(2**40)
    assert moment(1_700_000_000, span_s=60) == "11-14 22:13:20"
    assert moment(1_700_000_000, span_s=7200) == "11-14 22:13"
    assert moment(1_700_000_000, span_s=10**6) == "2023-11-14"
    assert moment(2**40, span_s=60) == str(2**40)
