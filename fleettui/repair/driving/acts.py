"""The single acts of a repair by their kind: each sent once, and judged by what is read then."""

from typing import assert_never

from fleettui.repair.driving import acts_machine, acts_registry, acts_undo
from fleettui.repair.driving.contact import Contact
from fleettui.repair.driving.replace import Replacement
from fleettui.repair.driving.watch import Watch
from fleettui.repair.planning.action import (
    Action,
    CreateKey,
    DeleteFolder,
    DeleteKey,
    OnRegistry,
    Reload,
    RemoveFile,
    RemoveLink,
    Restart,
    RestoreFile,
    RestoreLink,
    SetTargetState,
    StartUnit,
    TrySudo,
)


async def perform(contact: Contact, watch: Watch, action: Action, new: Replacement | None) -> str:
    """One action, and what was read back; `new` is the restart that the plan holds, if any.

    Raises Failure, HostUnreachable and RegistryUnavailable: see `Contact.guarded`.
    """
    match action:
        case SetTargetState() | DeleteKey() | DeleteFolder() | CreateKey():
            return await _on_registry(contact, action)
        case TrySudo():
            return await acts_machine.try_sudo(contact)
        case RemoveFile():
            return await acts_machine.remove_unit_file(contact, action)
        case RemoveLink():
            return await acts_machine.remove_unit_link(contact, action)
        case Reload():
            return await acts_machine.reload_systemd(contact)
        case StartUnit():
            return await acts_machine.start(contact, action, watch)
        case Restart(way) if new is not None:
            return await new.perform(way)
        case Restart():
            raise TypeError("this plan restarts nothing")
        case RestoreFile():
            return await acts_undo.restore_unit_file(contact, action)
        case RestoreLink():
            return await acts_undo.restore_unit_link(contact, action)
        case _:
            assert_never(action)


async def _on_registry(contact: Contact, action: OnRegistry) -> str:
    match action:
        case SetTargetState():
            return await acts_registry.set_target_state(contact, action)
        case DeleteKey():
            return await acts_registry.delete_key(contact, action)
        case DeleteFolder():
            return await acts_registry.delete_folder(contact, action)
        case CreateKey():
            return await acts_registry.create_key(contact, action)
        case _:
            assert_never(action)
