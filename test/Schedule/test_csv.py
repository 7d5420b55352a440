# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Schedules in the form in which PyTorch's pipelining dumps and loads them."""
import csv
import io
import re
import subprocess

import pytest

NAMES = ["gpipe", "1f1b", "zb-h1", "dualpipe", "dualpipev"]
ACTION = re.compile(r"(\d+)(F|I|B|W)(\d+)|\((\d+)F(\d+);(\d+)B(\d+)\)OVERLAP_F_B")


def schedule(*arguments, status=0):
    done = subprocess.run(["dpc", "schedule", *map(str, arguments)], capture_output=True, timeout=120)
    assert done.returncode == status, (done.stdout + done.stderr).decode(errors="replace")
    return done


def listing(text):
    """What a text or a CSV says each rank does, in one spelling."""
    lines = [line.split(": ")[1].split() for line in text.splitlines() if line.startswith("rank ")]
    return lines or [[cell.replace(";", "&").replace(")OVERLAP_F_B", ")") for cell in row] for row in csv.reader(io.StringIO(text))]


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_survives_the_way_there_and_back(name, tmp_path):
    size = ["--pp", 4, "--micro-batches", 12]
    text = schedule("show", name, *size).stdout.decode()
    dumped = schedule("show", name, *size, "--format", "csv").stdout
    assert dumped.count(b"\r\n") == 4
    assert all(ACTION.fullmatch(cell) for row in csv.reader(io.StringIO(dumped.decode())) for cell in row)
    assert listing(dumped.decode()) == listing(text)
    file = tmp_path / f"{name}.csv"
    file.write_bytes(dumped)
    assert schedule("show", file, *size).stdout.decode() == text
    schedule("check", file)
    assert schedule("simulate", file).stdout == schedule("simulate", name, *size).stdout


def test_a_file_with_times_and_messages_is_read(tmp_path):
    """As PyTorch's runtime dumps a lowered schedule, and as a schedule with empty times is dumped."""
    lowered = tmp_path / "lowered.csv"
    lowered.write_text("0UNSHARD,0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0B0,0RECV_B1,0B1,0RESHARD\r\n"
                       "1UNSHARD,1RECV_F0,1F0,1RECV_F1,1B0,1SEND_B0,1F1,1B1,1SEND_B1,1RESHARD\r\n")
    spaced = tmp_path / "spaced.csv"
    spaced.write_text("0F0,0F1,,,0B0,,0B1\r\n,1F0,1B0,1F1,1B1\r\n")
    wanted = listing(schedule("show", "1f1b", "--pp", 2, "--micro-batches", 2).stdout.decode())
    assert listing(schedule("show", lowered).stdout.decode()) == wanted
    assert listing(schedule("show", spaced).stdout.decode()) == wanted


@pytest.mark.parametrize("text,words", [
    ("", "there is no action"),
    ("0F0,0X0", "line 1, cell 2"),
    ("0F0,0B0\n1F0,1B0,0F0", "on two ranks, 0 and 1"),
    ("0F0,0B0,0F2,0B2\n0F1,0B1", "numbered one after the other"),
    ("0F0,999999F999999", "need at least"),
    ("0F" + "9" * 400, "must be below"),
])
def test_bad_files_get_one_error(tmp_path, text, words):
    file = tmp_path / "bad.csv"
    file.write_text(text)
    for command in ("show", "check", "simulate"):
        error = schedule(command, file, status=3).stderr.decode()
        assert words in error and str(file) in error and error.count("error:") == 1


def test_a_wrong_order_is_refused_by_check(tmp_path):
    file = tmp_path / "wrong.csv"
    file.write_text("0B0,0F0\n1F0,1B0\n")
    assert "rank 0, position 0: 0B0 waits for 0F0 at position 1 of rank 0" in schedule("check", file, status=1).stderr.decode()
