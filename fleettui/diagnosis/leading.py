"""Whether an engine leads the cluster, as one reading of the registry shows it."""

from fleettui.model.cluster import Snapshot


def leader_of(snapshot: Snapshot) -> tuple[bool, str]:
    """Whether one leads, and who, or why it is none, in words that are safe to show.

    Without one nothing that is wanted of fleet is done.
    """
    if snapshot.leader is None:
        return False, "there is no engine leader: heal etcd and fleet first"
    leader = snapshot.leader.machine_id
    if leader not in snapshot.machines:
        return False, f"the engine leader {leader} is no machine of the registry"
    return True, snapshot.machine_name(leader)
