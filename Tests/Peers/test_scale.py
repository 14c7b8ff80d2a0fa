"""Scale curves: in which order points are measured, and what is read from results; and all of it with a lodge-bench that only writes them."""

import json
import os
import signal
import subprocess
import sys

import pytest

import scale
from scale import CURVES, Point, Run, ScaleFailure

SHORT = [Point(1, ()), Point(10, (), is_quick=False), Point(100, ())]
LONG = Point(1_000, (), is_long=True)


GOOD = {"acknowledgedWrites": 60, "writesFound": 60, "wrongAnswerCount": 0}


def process(name, cores, megabytes=100):
    return {"name": name, "samples": [{"at": at, "cores": each, "residentBytes": megabytes * 1_000_000, "sentBytes": 0, "syncs": 0}
                                      for at, each in cores]}


def load(count=(10, 30, 20, 100, 30, 10), cores=1.0, nodes=3):
    names = ("create", "update", "comment", "get", "list", "search")
    return {"name": "canonical closed", "seconds": 2.0, "tenants": 100, "nodes": nodes,
            "events": [{"at": 0, "text": "made 1000 tenants, 1210/s"}, {"at": 0, "text": "filled 5002 tickets, 1785/s"}],
            "operations": [{"operation": name, "count": each, "failures": 0, "latency": {"p50": 1000.0 * each}} for name, each in zip(names, count)],
            "processes": [process(f"n{number + 1}", [(1, cores / nodes), (2, cores / nodes)]) for number in range(nodes)]
            + [process("lodge-bench", [(1, 0.5), (2, 0.5)], 40)],
            "checks": GOOD, "wire": {"syncs": 30, "logBytes": 6_000, "allLinkBytes": 1}}


def idle():
    events = [{"at": 0, "text": f"n{number}: 30 MB empty, {each} MB with 1000 tenants, {each - 30}000 bytes each"}
              for number, each in ((1, 31), (2, 35), (3, 32))]
    return {"name": "idle", "seconds": 15.0, "events": events, "operations": [], "checks": GOOD,
            "wire": {"syncs": 0, "logBytes": 0, "allLinkBytes": 90_000},
            "processes": [process(f"n{number}", [(5, 0.01), (15, 0.04)]) for number in (1, 2, 3)]}


def values(runs):
    return [run.point.value for run in runs]


def test_rounds_go_there_and_back_so_that_a_drift_is_no_slope():
    runs = scale.order(SHORT, 2)
    assert values(runs) == [1, 10, 100, 100, 10, 1]
    assert [run.turn for run in runs] == [1, 1, 1, 2, 2, 2]
    assert values(scale.order(SHORT, 3)) == [1, 10, 100, 100, 10, 1, 1, 10, 100]
    # Of a machine that gets slower with each run, every point sees as much.
    places = {value: [place for place, run in enumerate(runs) if run.point.value == value] for value in (1, 10, 100)}
    assert len({sum(each) for each in places.values()}) == 1


def test_a_long_point_is_measured_once_between_the_rounds_of_the_others():
    assert values(scale.order([*SHORT, LONG], 2)) == [1, 10, 100, 1_000, 100, 10, 1]
    assert values(scale.order([*SHORT, LONG], 4)).index(1_000) == 6
    assert values(scale.order([*SHORT, LONG], 1)) == [1, 10, 100, 1_000]


def test_quick_is_without_the_long_and_without_some_of_the_others():
    assert values(scale.order([*SHORT, LONG], 1, quick=True)) == [1, 100]
    for curve in CURVES.values():
        assert len(scale.order(curve.points, 1, quick=True)) >= 2, "a curve of one point"


def test_no_two_runs_have_one_name():
    names = [run.name(name) for name, curve in CURVES.items() for run in scale.order(curve.points, 3)]
    assert len(names) == len(set(names))
    assert Run(LONG, 2).name("tickets") == "tickets-1000-2"


def test_costs_are_of_all_nodes_and_without_the_harness():
    costs = scale.costs({"phases": [load()]})
    assert costs["rate"] == 100
    assert costs["cores"] == pytest.approx(1)
    assert costs["cpu_us"] == pytest.approx(10_000)
    assert (costs["syncs"], costs["log_bytes"], costs["megabytes"]) == (500, 100, 300)
    assert (costs["create_ms"], costs["search_ms"]) == (10, 10)


def test_a_sample_counts_for_as_long_as_it_covers():
    assert scale.mean_cores(process("n1", [(1, 1.0), (4, 0.2)])) == pytest.approx(0.4)
    assert scale.mean_cores(process("n1", [])) == 0


def test_costs_are_those_of_the_load_beside_an_idle_phase():
    result = {"phases": [idle(), load()], "seed": 1}
    assert scale.costs(result) == scale.costs({"phases": [load()]})
    assert scale.loaded(result) == {"phases": [load()], "seed": 1}
    for phases in ([], [idle()], [load(), load()]):
        with pytest.raises(ScaleFailure):
            scale.costs({"phases": phases})
    with pytest.raises(ScaleFailure, match="without reads"):
        scale.costs({"phases": [load(count=(1, 1, 1, 0, 0, 0))]})


@pytest.mark.parametrize("bad", [{"wrongAnswerCount": 1}, {"writesFound": 59}, {"writesFound": 61}])
def test_a_load_that_failed_its_checks_has_no_costs(bad):
    with pytest.raises(ScaleFailure, match="checks"):
        scale.costs({"phases": [load() | {"checks": GOOD | bad}]})


def test_of_repeats_the_one_in_the_middle_counts():
    assert scale.medians([{"rate": 1.0, "cores": 5.0}, {"rate": 9.0, "cores": 2.0}, {"rate": 2.0, "cores": 3.0}]) == {"rate": 2.0, "cores": 3.0}
    assert scale.medians([{"rate": 1.0}, {"rate": 2.0}]) == {"rate": 1.5}


def test_a_tenant_costs_what_the_idle_nodes_tell():
    costs = scale.tenant_costs({"phases": [idle(), load()]})
    assert costs["bytes"] == 2000, "of the node in the middle"
    assert (costs["tenants"], costs["made"], costs["empty_mb"], costs["full_mb"]) == (1000, 1210, 30, 32)
    assert costs["cpu_percent"] == pytest.approx(3)
    assert costs["pair_bytes"] == 2000, "three pairs of nodes, both directions"
    silent = idle() | {"events": idle()["events"][:2]}
    with pytest.raises(ScaleFailure):
        scale.tenant_costs({"phases": [silent, load()]})


DRAWN = """| phase | tickets | runs | writes/s | reads/s | p99 of writes | p99 of reads |
| --- | --- | --- | --- | --- | --- | --- |
| canonical closed | 100 | 2 | 45 | 105 | 40 ms | 30 ms |
| canonical closed | 1 M | 1 | 30 | 70 | 80 ms | 60 ms |
"""


def test_a_table_has_a_row_for_each_point_and_every_run():
    slow = scale.costs({"phases": [load(cores=2.0)]})
    fast = scale.costs({"phases": [load(count=(20, 60, 40, 200, 60, 20))]})
    lines = scale.curve_table(DRAWN, [(100, [fast, slow]), (1_000_000, [slow])]).splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert lines[0].startswith("| tickets | writes/s | reads/s | p99 of writes | p99 of reads | requests/s, each run | cores of the nodes |")
    assert lines[2].startswith("| 100 | 45 | 105 | 40 ms | 30 ms | 200, 100 | 1.50 | 12,500 |")
    assert lines[3].startswith("| 1,000,000 | 30 | 70 | 80 ms | 60 ms | 100 | 2.00 |")
    for drawn in (DRAWN.replace("runs", "writes/s"), DRAWN[:-1] + DRAWN[-60:], ""):
        with pytest.raises(ScaleFailure, match="another form"):
            scale.curve_table(drawn, [(100, [fast, slow]), (1_000_000, [slow])])


BENCH = """#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
option = lambda name: arguments[arguments.index(name) + 1]
here = pathlib.Path(__file__).parent
if arguments[0] == "run":
    with open(here / "diary", "a") as diary:
        print(option("--nodes"), file=diary)
    if (here / "fails").exists():
        sys.exit("a write was not found")
    pathlib.Path(option("--json")).write_text((here / "result.json").read_text())
else:
    results = [argument for argument in arguments[3:-2]]
    assert all(len(json.loads(pathlib.Path(file).read_text())["phases"]) == 1 for file in results)
    pathlib.Path(option("--svg")).write_text("<svg/>")
    print("| phase |", option("--curve"), "| runs | writes/s |\\n| --- | --- | --- | --- |")
    for value in sorted({{file.rsplit("/", 1)[1].split("-")[0] for file in results}}):
        print("| closed |", value, "| 2 | of", len(results), "|")
"""


@pytest.fixture
def bench(tmp_path):
    """A lodge-bench whose runs all have one result, and which notes what it was asked for."""
    program = tmp_path / "lodge-bench"
    program.write_text(BENCH.format(python=sys.executable))
    program.chmod(0o755)
    (tmp_path / "result.json").write_text(json.dumps({"phases": [idle(), load()]}))
    return tmp_path


def run(bench, *more):
    scale.main(["--bin", str(bench), "--out", str(bench / "out"), "--curves", "replicas", *more])


def test_one_command_measures_draws_and_tells(bench, capsys):
    run(bench)
    assert (bench / "diary").read_text().split() == ["1", "3", "3", "1"]
    assert (bench / "out" / "replicas.svg").exists()
    assert sorted(file.name for file in (bench / "out" / "results").iterdir()) == [
        "replicas-1-1.json", "replicas-1-2.json", "replicas-3-1.json", "replicas-3-2.json"]
    told = capsys.readouterr().out
    assert told.index("\n| 1 | of 4 |") < told.index("\n| 3 | of 4 |"), "lodge-bench tells of points in the order of their values"
    assert "| nodes | writes/s | requests" in told and "\n| 3 | of 4 | 100, 100 |" in told and "| 1,000 | 1,210 | 30, 32 |" in told


def test_what_is_there_is_not_measured_again_when_resumed(bench):
    run(bench)
    (bench / "out" / "results" / "replicas-3-2.json").unlink()
    run(bench, "--resume", "--lock", str(bench / "lock"))
    assert (bench / "diary").read_text().split() == ["1", "3", "3", "1", "3"]
    run(bench)
    assert (bench / "diary").read_text().split()[5:] == ["1", "3", "3", "1"]


def test_a_report_is_of_what_is_there(bench, capsys):
    run(bench)
    (bench / "out" / "results" / "replicas-3-2.json").unlink()
    run(bench, "--report")
    assert "| 3 | of 3 | 100 |" in capsys.readouterr().out
    assert (bench / "diary").read_text().split() == ["1", "3", "3", "1"]
    with pytest.raises(SystemExit, match="no result of shards"):
        scale.main(["--bin", str(bench), "--out", str(bench / "out"), "--curves", "shards", "--report"])


def test_a_run_that_fails_ends_it_and_leaves_no_result(bench):
    (bench / "fails").touch()
    with pytest.raises(SystemExit, match="a write was not found"):
        run(bench)
    assert not list((bench / "out" / "results").iterdir())
    with pytest.raises(SystemExit):
        scale.main(["--curves", "replicas,nonsense"])


def test_a_scale_that_is_ended_lets_the_run_end_its_nodes(bench):
    os.mkfifo(bench / "begun")
    (bench / "lodge-bench").write_text(f"""#!{sys.executable}
import pathlib, signal, sys
here = pathlib.Path(__file__).parent
def end(*_):
    (here / "nodes ended").touch()
    sys.exit(1)
signal.signal(signal.SIGTERM, end)
(here / "begun").write_text("yes")
signal.pause()
""")
    process = subprocess.Popen([sys.executable, scale.__file__, "--bin", str(bench), "--out", str(bench / "out")], stderr=subprocess.DEVNULL)
    assert (bench / "begun").read_text() == "yes"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) != 0
    assert (bench / "nodes ended").exists()
