"""A platform on which something has happened, and the addresses of the pages that tell of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.running import ROOT, RunningPlatform
from tests.servers import wait_for


@dataclass(frozen=True, kw_only=True)
class Scene:
    platform: RunningPlatform
    film: Path
    good: str
    bad: str
    said: str
    plugins: dict[str, int]

    def plugin(self, name: str, tab: str = "overview") -> str:
        return f"/admin/plugins_app/plugin/{self.plugins[name]}/change/?tab={tab}"

    def run(self, run_id: str) -> str:
        return f"/admin/plugins_app/run/{run_id}/change/"

    @property
    def pages(self) -> dict[str, str]:
        return {
            "dashboard": "/admin/",
            "plugins": "/admin/plugins_app/plugin/",
            "plugin": self.plugin("troublemaker"),
            "tools": self.plugin("motion-tracker", "tools"),
            "config": self.plugin("echo", "config"),
            "plugin-transitions": self.plugin("troublemaker", "transitions"),
            "plugin-runs": self.plugin("echo", "runs"),
            "manifest": self.plugin("echo", "manifest"),
            "limits": self.plugin("motion-tracker", "limits"),
            "restart": f"/admin/plugins_app/plugin/{self.plugins['troublemaker']}/restart/",
            "transitions": "/admin/plugins_app/transition/",
            "runs": "/admin/plugins_app/run/",
            "run": self.run(self.good),
            "failed-run": self.run(self.bad),
            "compare": f"/admin/plugins_app/run/{self.said}/compare/",
            "audit": "/admin/plugins_app/auditentry/",
            "audit-entry": "/admin/plugins_app/auditentry/1/change/",
            "workers": "/admin/plugins_app/worker/",
            "health": "/admin/health/",
            "uploads": "/admin/plugins_app/upload/",
            "people": "/admin/auth/user/",
        }


def play(platform: RunningPlatform) -> Scene:
    """Register the plugin that misbehaves; track a film, say some words, break something."""
    done = platform.manage("scan_plugins", "--path", str(ROOT / "plugins" / "on-demand"))
    assert done.returncode == 0, done.stderr
    for name in ("echo", "motion-tracker", "troublemaker"):
        platform.wait_for_plugin(name, "INITIALIZED")
    film = platform.folder / "samples" / "moving-shapes.mp4"
    # It is drawn while the platform comes up.
    wait_for(film.exists, what="the sample film")
    upload = platform.upload(film)
    asked = [platform.run_tool("echo", "say", text="ahoy " * n) for n in range(1, 9)]
    tracked = platform.run_tool("motion-tracker", "track", video={"upload": upload["id"]})
    broken = platform.run_tool("troublemaker", "raise_error")
    for run in (*asked, tracked, broken):
        platform.wait_for_run(run["id"], seconds=90)
    return Scene(
        platform=platform,
        film=film,
        good=tracked["id"],
        bad=broken["id"],
        said=asked[0]["id"],
        plugins=_ids(platform),
    )


def _ids(platform: RunningPlatform) -> dict[str, int]:
    """The plugins' numbers, which only the console's addresses use."""
    lines = platform.manage(
        "shell",
        "-v",
        "0",
        "-c",
        "from plugins_app.models import Plugin\n"
        "for plugin in Plugin.objects.all(): print(plugin.name, plugin.pk)",
    ).stdout.splitlines()
    pairs: list[Any] = [line.split() for line in lines if line]
    return {name: int(pk) for name, pk in pairs}
