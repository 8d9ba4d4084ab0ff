from pathlib import Path

from paddle_eye.data.preparation.audit import Finding
from paddle_eye.data.preparation.steps import Split
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.report.table import aligned, audit_report, split_lines


def test_a_split_is_shown_by_class():
    def part(labels, groups):
        records = [Record(Path(f"{label}{group}.png"), label, group) for label, group in zip(labels, groups)]
        return RecordSet(("healthy", "ill"), tuple(records))

    parts = part([0, 0, 0, 1], "aabc"), part([1, 1], "dd")
    first, table, *others = split_lines(Split(Path("tables"), *parts, 3, 1, ["a note"]))
    assert first == "tables: train.csv and test.csv, 3 photographs left out"
    assert [line.split() for line in table.splitlines()[1:]] == [
        ["healthy", "3", "0", "2", "0"],
        ["ill", "1", "2", "1", "1"],
        ["all", "4", "2"],
    ]
    positive = "note: sensitivity and specificity will be of ill, the second class"
    assert others[:2] == ["note: a note", positive]
    assert others[2].startswith("LEAK: 1 patients or photographs with copies")
    assert split_lines(Split(Path("tables"), *parts, 0, 0, []))[2:] == [positive]


def test_an_audit_lists_each_kind_and_counts_the_rest():
    findings = [Finding("unreadable", True, f"file {number}") for number in range(23)]
    findings.append(Finding("small class", False, "ill: 3 photographs"))
    lines = audit_report(findings).splitlines()
    assert lines[0] == "FAULT  unreadable: 23"
    assert lines[1] == "  - file 0"
    assert lines[21:] == ["  … and 3 more", "note  small class: 1", "  - ill: 3 photographs"]


def test_an_audit_without_findings_says_so():
    assert audit_report([]) == "no fault found"


def test_wide_letters_take_two_places():
    assert (
        aligned([("class", "n"), ("正常", "1"), ("café", "2"), ("e\u0301", "3")])
        == "class  n\n正常   1\ncafé   2\ne\u0301      3"
    )
