"""python3 -m unittest discover bench/engine"""

import unittest

import table


def measured(contender, number, milliseconds, **more):
    run = {"row": "r", "contender": contender, "round": number, "batch": 10, "ms_median": milliseconds}
    return run | {"peak_rss_mb": None} | more


class Table(unittest.TestCase):
    def test_the_ratio_is_the_median_of_the_rounds_ratios(self):
        # The ratio of the medians would be 30 / 20 = 1.5.
        ours, theirs = {1: 10, 2: 20, 3: 40}, {1: 30, 2: 20, 3: 100}
        self.assertEqual(table.ratios(ours, theirs), (2.5, 1.0, 3.0))

    def test_a_round_that_lacks_a_side_does_not_count(self):
        self.assertEqual(table.ratios({1: 10, 2: 10}, {2: 30, 3: 90}), (3.0, 3.0, 3.0))
        self.assertIsNone(table.ratios({1: 10}, {2: 30}))

    def test_the_summary_takes_the_highest_memory_and_the_coldest_compilation(self):
        runs = [
            measured("ocelli", 1, 100, peak_rss_mb=500),
            measured("compile", 1, 300, peak_rss_mb=900, compile_seconds=80),
            measured("compile", 2, 100, peak_rss_mb=1000, compile_seconds=8),
            measured("ocelli", 2, 100),
        ]
        ours, theirs = table.summary(runs)
        self.assertEqual((ours["images_per_second"], ours["ocelli_faster"]), (100.0, None))
        self.assertEqual(theirs["ocelli_faster"], (2.0, 1.0, 3.0))
        self.assertEqual((theirs["ocelli_memory"], theirs["compile_seconds"]), (0.5, 80))

    def test_a_table_without_ocelli_has_no_ratios(self):
        (record,) = table.summary([measured("eager", 1, 20)])
        self.assertIsNone(record["ocelli_faster"])
        last = table.summary_table([record]).splitlines()[-1]
        self.assertEqual(last, "| r | PyTorch eager, channels_last | 20.0 | 500.0 |  |  |  |  |  |")


if __name__ == "__main__":
    unittest.main()
