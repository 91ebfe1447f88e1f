"""What a request carries: detection of personal data and secrets. Pure."""

from gateway.privacy.budget import ScanBudget
from gateway.privacy.detect import Detector

__all__ = ["Detector", "ScanBudget"]
