"""The JSON values that fleet writes, as typed structs."""

from typing import Annotated

import msgspec

_Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]
_Hash = Annotated[list[_Byte], msgspec.Meta(min_length=20, max_length=20)]


class MachineObject(
    msgspec.Struct,
    rename={
        "id": "ID",
        "public_ip": "PublicIP",
        "metadata": "Metadata",
        "version": "Version",
    },
):
    """`machines/ID/object` (fleet machine/state.go); 0.13 and later adds Capabilities."""

    id: str
    public_ip: str = ""
    metadata: dict[str, str] | None = None
    version: str = ""


class JobObject(msgspec.Struct, rename="pascal", gc=False):
    """`job/UNIT/object` (fleet registry/job.go); the SHA-1 is a list of bytes."""

    name: str
    unit_hash: _Hash


class JobWords(msgspec.Struct, rename="pascal", gc=False):
    """The same, with the list as it is written: that of a template's instances is one and the same,
    and takes as long to read as all else of a job.
    """

    name: str
    unit_hash: msgspec.Raw


class UnitObject(msgspec.Struct, rename="pascal"):
    """`unit/SHA1` (fleet registry/unit.go)."""

    raw: str


class MachineOfState(msgspec.Struct, rename={"id": "ID"}, gc=False):
    """The machine within a state: only its ID is filled in."""

    id: str = ""


class StateObject(msgspec.Struct, rename="camel", gc=False):
    """`states/UNIT/ID` (fleet registry/unit_state.go)."""

    load_state: str = ""
    active_state: str = ""
    sub_state: str = ""
    unit_hash: str = ""
    machine_state: MachineOfState | None = None


class LeaseObject(msgspec.Struct, rename={"machine_id": "MachineID"}):
    """`lease/engine-leader` (fleet pkg/lease/etcd.go)."""

    machine_id: str


machine_object = msgspec.json.Decoder(MachineObject)
job_object = msgspec.json.Decoder(JobObject)
job_words = msgspec.json.Decoder(JobWords)
hash_list = msgspec.json.Decoder(_Hash)
unit_object = msgspec.json.Decoder(UnitObject)
state_object = msgspec.json.Decoder(StateObject)
lease_object = msgspec.json.Decoder(LeaseObject)
