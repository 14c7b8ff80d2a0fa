"""The arithmetic of the comparison, and the readers of what load programs print, on recorded output."""

import math

import pytest

import figures


def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed():
    values = [float(number) for number in range(1, 101)]
    assert figures.percentile(values, 0.5) == 50
    assert figures.percentile(values, 0.99) == 99
    assert figures.percentile(values, 1) == 100
    assert figures.percentile([7.0], 0.5) == figures.percentile([7.0], 0.99) == 7
    assert figures.percentile([1.0, 2.0], 0.5) == 1
    assert figures.percentile([1.0, 2.0, 3.0], 0.5) == 2
    assert math.isnan(figures.percentile([], 0.5))


def test_a_summary_counts_failed_requests_in_neither_rate_nor_latency():
    result = figures.summary([3.0, 1.0, 2.0], 2, errors=5)
    assert result == {"count": 3, "rate": 1.5, "p50_ms": 2.0, "p99_ms": 3.0, "errors": 5}


def test_ratios_are_those_of_the_same_round():
    # Of the medians the ratio would be 2; the machine was slow in the second round, for both.
    result = figures.ratios([100, 30, 60], [50, 10, 30])
    assert (result["ours"], result["theirs"]) == (60, 30)
    assert result["ratio"] == 2
    assert result["quartiles"] == [2, 2.5]


def test_the_quartiles_of_one_round_are_its_ratio():
    assert figures.ratios([10], [4]) == {"ours": 10, "theirs": 4, "ratio": 2.5, "quartiles": [2.5, 2.5]}


@pytest.mark.parametrize("ours, theirs", [([], []), ([1], [1, 2]), ([1, 1], [1, 0])])
def test_rounds_that_make_no_pairs_are_refused(ours, theirs):
    with pytest.raises(ValueError):
        figures.ratios(ours, theirs)


def test_h2load_is_read(recording):
    log = recording("h2load-put.log")
    result = figures.h2load(recording("h2load-put.txt"), log, 2, least_answer=25)
    assert result["count"] == len(log.splitlines()) == 40
    assert result["rate"] == 20
    assert result["errors"] == 0
    durations = sorted(int(line.split("\t")[2]) for line in log.splitlines())
    assert result["p50_ms"] == durations[19] / 1000
    assert result["p99_ms"] == durations[39] / 1000


def test_answers_of_h2load_with_another_status_are_errors(recording):
    lines = recording("h2load-put.log").splitlines()
    lines[3] = lines[3].replace("\t200\t", "\t503\t")
    result = figures.h2load(recording("h2load-put.txt"), "\n".join(lines), 2, least_answer=25)
    assert (result["count"], result["rate"], result["errors"]) == (39, 19.5, 1)


def test_requests_that_h2load_never_got_an_answer_to_are_errors(recording):
    output = recording("h2load-put.txt").replace("0 failed, 0 errored, 0 timeout", "2 failed, 1 errored, 1 timeout")
    assert figures.h2load(output, recording("h2load-put.log"), 2, least_answer=25)["errors"] == 4


def test_calls_that_grpc_refused_with_status_200_are_noticed(recording):
    with pytest.raises(figures.Unreadable, match="said no"):
        figures.h2load(recording("h2load-refused.txt"), recording("h2load-refused.log"), 2, least_answer=25)


def test_gets_without_the_value_are_noticed(recording):
    with pytest.raises(figures.Unreadable, match="said no"):
        figures.h2load(recording("h2load-put.txt"), recording("h2load-put.log"), 2, least_answer=25 + 256)


def test_pgbench_is_read(recording):
    log = recording("pgbench.log")
    result = figures.pgbench(recording("pgbench.txt"), log.splitlines(keepends=True))
    durations = sorted(int(line.split()[2]) for line in log.splitlines())
    assert result["count"] == len(durations) > 20
    assert f"tps = {result['rate']:.6f} (without" in recording("pgbench.txt")
    assert result["errors"] == 0
    assert result["p50_ms"] == durations[(len(durations) + 1) // 2 - 1] / 1000
    assert result["p99_ms"] == durations[-1] / 1000


def test_failed_transactions_of_pgbench_are_errors(recording):
    output = recording("pgbench.txt").replace("failed transactions: 0 ", "failed transactions: 3 ")
    assert figures.pgbench(output, [recording("pgbench.log")])["errors"] == 3


def test_a_pgbench_that_logged_less_than_it_did_is_refused(recording):
    log = recording("pgbench.log")
    with pytest.raises(figures.Unreadable, match="logged"):
        figures.pgbench(recording("pgbench.txt"), [log[:log.index("\n") + 1]])


def test_wrk_is_read(recording):
    result = figures.wrk([recording("wrk.txt")])
    assert result == {"count": 46, "rate": 46 / 1.003650, "p50_ms": 43.912, "p99_ms": 58.85, "errors": 0}


def test_the_rates_of_several_wrks_add_up_and_bad_answers_do_not_count(recording):
    outputs = ["RESULT 1000 2.000000 1.000 9.000 0\n", "RESULT 500 2.000000 2.000 20.000 100\n", "RESULT 700 2.000000 6.000 8.000 0\n"]
    assert figures.wrk(outputs) == {"count": 2100, "rate": 1050, "p50_ms": 2, "p99_ms": 20, "errors": 100}


@pytest.mark.parametrize("read", [
    lambda: figures.h2load("", "", 1, 1), lambda: figures.pgbench("no such database", []), lambda: figures.wrk(["unable to connect"])])
def test_output_that_nobody_knows_is_no_number(read):
    with pytest.raises(figures.Unreadable):
        read()


def test_syncs_are_those_of_all_calls_that_sync(recording):
    assert figures.syncs(recording("strace.txt")) == 325 + 12
    assert figures.syncs("") == 0


def test_the_table_tells_both_sides():
    side = {"rate": 12874.2, "p50_ms": 5.51, "p99_ms": 12.74, "client_cores": 0.123, "sync_ms": 0.184, "errors": 0}
    row = {"peer": "etcd", "operation": "put", "clients": 64, "lodge_operation": "write", "lodge_clients": 16, "ratio": 0.5,
           "quartiles": [0.4512, 0.61], "theirs": side, "ours": side | {"rate": 6437.1, "errors": 2}}
    assert figures.table([row]).splitlines()[-1] == (
        "| etcd | put, 64 | 12,874, 5.51, 12.7 | write, 16 | 6,437, 5.51, 12.7 | **0.50** (0.45–0.61) | 0.18, 0.18 | 0.12, 0.12 | 0, 2 |")
