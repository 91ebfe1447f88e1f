"""What hardware of one's own cost, and who paid."""

import msgspec


class Account(msgspec.Struct, frozen=True):
    """US dollars since the gateway first saw the hardware. `unsettled`: of the last moments, not yet charged or idle."""

    hardware: float
    charged: float
    idle: float
    unsettled: float
