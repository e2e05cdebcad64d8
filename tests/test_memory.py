"""How much memory may be taken, by files as Linux has them."""

from collections.abc import Mapping
from pathlib import Path

from intarsia.memory import available_memory


def machine(root: Path, files: Mapping[str, str]) -> Path:
    """A machine that has 8000 kB left, and these files."""
    meminfo = {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable: 8000 kB\n"}
    for name, text in (meminfo | dict(files)).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def group(folder: str, limit: str, used: int) -> dict[str, str]:
    place = f"sys/fs/cgroup/{folder}"
    return {
        f"{place}/memory.max": f"{limit}\n",
        f"{place}/memory.current": f"{used}\n",
        f"{place}/memory.stat": "anon 500\ninactive_file 300\n",
    }


def test_without_control_groups_it_is_what_the_machine_has(tmp_path):
    assert available_memory(machine(tmp_path, {})) == 8000 * 1024
    assert available_memory(tmp_path / "no Linux") > 0


def test_the_narrowest_group_decides(tmp_path):
    files = {"proc/self/cgroup": "0::/jobs/mine\n"}
    files |= group("jobs/mine", "max", 800) | group("jobs", "5000", 1000)
    # 4000 are left, and 300 that the system can take back
    assert available_memory(machine(tmp_path, files)) == 4300
    assert available_memory(machine(tmp_path, group("jobs/mine", "1000", 900))) == 400
    assert available_memory(machine(tmp_path, group("jobs/mine", "1000", 2000))) == 0


def test_a_container_that_sees_its_group_under_another_name(tmp_path):
    place = "sys/fs/cgroup/memory"
    files = {
        "proc/self/cgroup": "4:memory:/docker/5f\n3:cpuset:/\n0::/\n",
        f"{place}/memory.limit_in_bytes": "7000\n",
        f"{place}/memory.usage_in_bytes": "2000\n",
        f"{place}/memory.stat": "inactive_file 1\ntotal_inactive_file 50\n",
    }
    assert available_memory(machine(tmp_path, files)) == 5050
    files[f"{place}/memory.limit_in_bytes"] = "9223372036854771712\n"  # none
    assert available_memory(machine(tmp_path, files)) == 8000 * 1024
