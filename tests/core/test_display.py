"""The display of tensors, writers, queues and resolutions in a REPL and a notebook."""

from __future__ import annotations

from html.parser import HTMLParser

from sporewright import LiveQueue, Tensor, TensorConfig, Writer
from sporewright.core.display import ROWS


def small() -> Tensor:
    """Two options at two levels, one of them gated on a device."""
    tensor = Tensor(["global", "device"])
    operator = tensor.writer("global")
    operator.set_weight("global", "", "latency", 2.0)
    operator.set_value("global", "", "groq", "latency", 0.4)
    operator.set_value("global", "", "openai", "latency", 0.9)
    operator.set_value("global", "", "openai", "quality", 0.1)
    tensor.writer("device", "A").set_value("device", "A", "groq", "reach", float("inf"))
    return tensor


class Cells(HTMLParser):
    """The texts of a page's table cells; fails on a tag that is left open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """It has to be closed."""
        self.open.append(tag)
        if tag == "td":
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        """It is closed."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text of a cell, a title or a caption."""
        if self.open[-1:] == ["td"]:
            self.texts[-1] += data


def test_a_tensor() -> None:
    """Its levels and how much it holds; a table of levels, and of its cells while they are few."""
    tensor = small()

    assert repr(tensor) == "<Tensor ['global', 'device'], 5 cells>"
    texts = Cells(tensor._repr_html_()).texts
    assert texts[:6] == ["global", "1", "2", "device", "1", "1"]
    assert texts[6:12] == ["device", "A", "groq", "reach", "inf", ""]
    assert texts[12:18] == ["global", "", "", "latency", "", "2"]


def test_a_tensor_of_many_cells_or_none() -> None:
    """Of many cells only the levels are shown, of none as well."""
    wide = Tensor(["global"])
    writer = wide.writer("global")
    for number in range(ROWS + 1):
        writer.set_value("global", "", f"option {number}", "latency", 1.0)

    assert Cells(wide._repr_html_()).texts == ["global", "1", str(ROWS + 1)]
    assert Cells(Tensor(["global"])._repr_html_()).texts == ["global", "0", "0"]


def test_names_and_documents_in_a_table_are_data() -> None:
    """A name is escaped, a document is shown shortened."""
    tensor = Tensor(["global"])
    tensor.writer("global").set_document("global", "", "<script>", "notes", b"x" * 1000)

    page = tensor._repr_html_()

    assert "<script>" not in page
    assert "<script>" in Cells(page).texts
    assert len(page) < 1000


def test_a_writer() -> None:
    """A writer shows where it may write."""
    tensor = small()

    assert repr(tensor.writer("global")) == "<Writer at level 'global' and finer>"
    assert repr(tensor.writer("device", "A")) == "<Writer at level 'device' and finer, within ('device', 'A')>"
    assert isinstance(tensor.writer("global"), Writer)


def test_a_live_queue() -> None:
    """Its cursor, limit, revision and first options; closed it has none."""
    tensor = small()
    queue = tensor.watch({"device": "B"}, 10)
    many = tensor.watch({})
    tensor.writer("global").set_value("global", "", "groq", "latency", 9.0)
    for number in range(5):
        tensor.writer("global").set_value("global", "", f"later {number}", "latency", 10.0)

    assert repr(queue) == (
        "<LiveQueue at {'device': 'B'}, limit 10, revision 2: "
        "['openai', 'groq', 'later 0', 'later 1', 'later 2', and 2 more]>"
    )
    assert repr(many).startswith("<LiveQueue at {}, revision 2: ['openai', 'groq',")
    queue.close()
    assert repr(queue).endswith("[]>")
    assert isinstance(queue, LiveQueue)


def test_a_resolution() -> None:
    """The order with its scores on a line; each score as a sum in print; each term a row in a notebook."""
    tensor = small()
    resolution = tensor.explain({"device": "A"})

    assert repr(resolution) == "<Resolution 'openai' 1.8; dropped: 'groq' by 'reach'>"
    assert str(resolution) == (
        "1. openai 1.8 = latency 0.9 * 2 + quality 0.1 * no weight\n-  groq dropped: reach = inf at device A"
    )
    assert Cells(resolution._repr_html_()).texts == [
        *("1", "openai", "1.8", "latency", "0.9", "2", "1.8", "global", "global"),
        *("", "", "", "quality", "0.1", "", "0", "global", ""),
        *("groq", "reach", "inf", "device A"),
    ]  # fmt: skip


def test_a_resolution_of_nothing_or_of_much() -> None:
    """Nothing is said to be nothing; what is much is cut, and counted."""
    nothing = Tensor(["global"]).explain({})
    assert (repr(nothing), str(nothing)) == ("<Resolution no option left>", "no option here")

    wide = Tensor(["global"])
    for number in range(ROWS + 10):
        wide.writer("global").set_value("global", "", f"option {number:02d}", "latency", 1.0)
    resolution = wide.explain({})
    assert repr(resolution).endswith("'option 04' 0, and 55 more>")
    assert Cells(resolution._repr_html_()).texts[-1] == "and 10 more rows"


def test_a_prior_is_called_one() -> None:
    """A value that was not measured is marked, in print and in the table."""
    seed = {"floor": "global", "level": "global", "option": "groq", "dim": "latency", "kind": "value", "value": 1}
    config = {"levels": ["global"], "seeds": [seed], "priors": {"failure": 0.05}}
    resolution = TensorConfig.from_dict(config).build().explain({})

    assert "failure 0.05 * no weight (prior)" in str(resolution)
    assert "global (prior)" in Cells(resolution._repr_html_()).texts
