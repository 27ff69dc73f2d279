"""The arithmetic and the Markdown of `run`: from measured processes to tables."""

import statistics

LABELS = {
    "ocelli": "Ocelli",
    "eager": "PyTorch eager, channels_last",
    "nchw": "PyTorch eager, NCHW",
    "compile": "torch.compile, channels_last",
    "onnx": "ONNX Runtime",
}


def ratios(ours, theirs):
    """(median, lowest, highest) of how many times faster we were, round by round.

    Both map a round's number to milliseconds; a round that lacks one of the two doesn't count.
    None if no round has both.
    """
    found = [theirs[number] / ours[number] for number in sorted(ours) if number in theirs]
    return (statistics.median(found), min(found), max(found)) if found else None


def summary(runs):
    """One record for each row and contender, in the order in which they were first measured.

    Of a contender's rounds: the median of the rounds' medians, and the highest peak of memory.
    """
    groups = {}
    for run in runs:
        groups.setdefault((run["row"], run["contender"]), []).append(run)
    records = []
    for (row, contender), group in groups.items():
        by_round = {run["round"]: run["ms_median"] for run in group}
        ours = groups.get((row, "ocelli"), [])
        middle = statistics.median(by_round.values())
        compiled = [run["compile_seconds"] for run in group if "compile_seconds" in run]
        record = {
            "row": row,
            "contender": contender,
            "rounds": len(group),
            "ms_median": middle,
            "images_per_second": group[0]["batch"] / middle * 1e3,
            "peak_rss_mb": highest_peak(group),
            # Later rounds find the compiled code in a cache.
            "compile_seconds": max(compiled) if compiled else None,
            "ocelli_faster": None,
            "ocelli_memory": None,
        }
        if contender != "ocelli":
            record["ocelli_faster"] = ratios({run["round"]: run["ms_median"] for run in ours}, by_round)
            peaks = highest_peak(ours), record["peak_rss_mb"]
            record["ocelli_memory"] = peaks[0] / peaks[1] if all(peaks) else None
        records.append(record)
    return records


def highest_peak(group):
    """The highest peak of memory that is known."""
    return max((run["peak_rss_mb"] for run in group if run.get("peak_rss_mb")), default=None)


def cell(value, form):
    return "" if value is None else format(value, form)


def markdown(lines):
    heading, *rest = lines
    rule = ["---"] * len(heading)
    return "\n".join("| " + " | ".join(line) + " |" for line in [heading, rule, *rest])


def summary_table(records):
    """Speed and memory: a line for each row and contender."""
    lines = [
        ["row", "contender", "ms a step, median", "images/s", "Ocelli is faster by", "lowest to highest"]
        + ["peak memory, MB", "Ocelli's / it", "compiling, s"]
    ]
    for record in records:
        middle, lowest, highest = record["ocelli_faster"] or (None, None, None)
        lines.append(
            [
                record["row"],
                LABELS[record["contender"]],
                cell(record["ms_median"], ".1f"),
                cell(record["images_per_second"], ".1f"),
                cell(middle, ".2f"),
                "" if middle is None else f"{lowest:.2f} to {highest:.2f}",
                cell(record["peak_rss_mb"], ".0f"),
                cell(record["ocelli_memory"], ".2f"),
                cell(record["compile_seconds"], ".0f"),
            ]
        )
    return markdown(lines)


def rounds_table(runs):
    """How steady it was: a line for each process, with what else the machine was doing."""
    lines = [
        ["row", "round", "contender", "ms a step, median", "lowest to highest", "load before (1 min)"]
        + ["processors it kept busy", "others kept busy"]
    ]
    for run in runs:
        lowest = min(run["ms"]) if run.get("ms") else run.get("ms_min")
        highest = max(run["ms"]) if run.get("ms") else run.get("ms_max")
        lines.append(
            [
                run["row"],
                str(run["round"]),
                LABELS[run["contender"]],
                cell(run["ms_median"], ".1f"),
                "" if lowest is None else f"{lowest:.1f} to {highest:.1f}",
                cell(run.get("load_before"), ".2f"),
                cell(run.get("busy_own"), ".2f"),
                cell(run.get("busy_others"), ".2f"),
            ]
        )
    return markdown(lines)
