"""The catalogue: one small pure rule a fault."""

from fleettui.diagnosis.case import Rule
from fleettui.diagnosis.rules.bad_target_state import bad_target_state
from fleettui.diagnosis.rules.duplicate_machine_id import duplicate_machine_id
from fleettui.diagnosis.rules.etcd_unreachable import etcd_unreachable
from fleettui.diagnosis.rules.ghost_state import ghost_state
from fleettui.diagnosis.rules.hash_differs import hash_differs
from fleettui.diagnosis.rules.machine_flapping import machine_flapping
from fleettui.diagnosis.rules.needs_daemon_reload import needs_daemon_reload
from fleettui.diagnosis.rules.no_engine_leader import no_engine_leader
from fleettui.diagnosis.rules.orphan_job import orphan_job
from fleettui.diagnosis.rules.state_disagrees import state_disagrees
from fleettui.diagnosis.rules.template_loaded import template_loaded
from fleettui.diagnosis.rules.unschedulable import unschedulable
from fleettui.diagnosis.rules.watch_noise import watch_noise

RULES: tuple[Rule, ...] = (
    template_loaded,
    needs_daemon_reload,
    ghost_state,
    bad_target_state,
    orphan_job,
    duplicate_machine_id,
    no_engine_leader,
    unschedulable,
    machine_flapping,
    etcd_unreachable,
    hash_differs,
    state_disagrees,
    watch_noise,
)
