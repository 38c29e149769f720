"""What a run costs on Dataflow by number of examples: measured figures and list prices in, a table out (docs/scale.md).

python benchmarks/dataflow_cost.py
python benchmarks/dataflow_cost.py --usd_per_vcpu_hour 0.06 --distinct_share 1.0
"""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Inputs:
    """Measured for one example (docs/performance.md, docs/probing.md) unless said otherwise.

    Attributes:
      line_bytes: of an example.
      distinct_share: distinct media objects for each example.
      read_scan_us, judge_write_us: CPU of the two passes over the lines.
      shuffled_line_bytes, shuffled_uri_bytes, shuffled_result_bytes: compressed, as they travel.
      probe_cpu_ms, probe_requests, probe_received_bytes: of one object, on average.
      probe_latency_ms: of one request; an assumption about the store.
      probes_in_flight: in each process, one process a vCPU.
      vcpus: of all workers.
      usd_...: list prices of us-central1 as of 2026; look them up before you rely on them.
        https://cloud.google.com/dataflow/pricing https://cloud.google.com/storage/pricing
    """

    line_bytes: float = 790
    distinct_share: float = 0.3
    read_scan_us: float = 15
    judge_write_us: float = 50
    shuffled_line_bytes: float = 118
    shuffled_uri_bytes: float = 54
    shuffled_result_bytes: float = 8
    probe_cpu_ms: float = 0.7
    probe_requests: float = 1.5
    probe_received_bytes: float = 190_000
    probe_latency_ms: float = 50
    probes_in_flight: float = 32
    vcpus: float = 16
    usd_per_vcpu_hour: float = 0.056
    usd_per_gib_hour: float = 0.003557
    gib_per_vcpu: float = 4
    usd_per_shuffled_gib: float = 0.011
    usd_per_10k_requests: float = 0.004


def row(examples: int, inputs: Inputs) -> list[str]:
    """One line of the table."""
    probes = examples * inputs.distinct_share
    shuffled_bytes = examples * (inputs.shuffled_line_bytes + inputs.shuffled_uri_bytes + inputs.shuffled_result_bytes)
    lines_s = examples * (inputs.read_scan_us + inputs.judge_write_us) / 1e6 / inputs.vcpus
    by_cpu_s = probes * inputs.probe_cpu_ms / 1e3 / inputs.vcpus
    by_latency_s = (
        probes * inputs.probe_requests * inputs.probe_latency_ms / 1e3 / (inputs.probes_in_flight * inputs.vcpus)
    )
    probing_s = max(by_cpu_s, by_latency_s)
    hours = (lines_s + probing_s) / 3600 * inputs.vcpus
    usd = (
        hours * (inputs.usd_per_vcpu_hour + inputs.gib_per_vcpu * inputs.usd_per_gib_hour)
        + shuffled_bytes / 2**30 * inputs.usd_per_shuffled_gib
        + probes * inputs.probe_requests / 10_000 * inputs.usd_per_10k_requests
    )
    bound = "probing, by latency" if by_latency_s >= max(by_cpu_s, lines_s) else "probing, by CPU"
    return [
        f"{examples:,}",
        f"{examples * inputs.line_bytes / 2**30:.2f}",
        f"{shuffled_bytes / 2**30:.2f}",
        f"{probes:,.0f}",
        f"{probes * inputs.probe_requests:,.0f}",
        f"{probes * inputs.probe_received_bytes / 2**30:,.0f}",
        f"{lines_s / 60:.1f}",
        f"{probing_s / 60:.1f}",
        f"{usd:.2f}",
        bound if probing_s >= lines_s else "reading and judging lines",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in dataclasses.fields(Inputs):
        parser.add_argument(f"--{field.name}", type=float, default=field.default)
    inputs = Inputs(**vars(parser.parse_args()))
    print(
        "| examples | input GiB | shuffled GiB | probes | requests | media GiB read | lines min | probing min "
        "| US dollars | bottleneck |"
    )
    print("|" + "---|" * 10)
    for examples in (1_000_000, 10_000_000, 100_000_000):
        print("| " + " | ".join(row(examples, inputs)) + " |")


if __name__ == "__main__":
    main()
