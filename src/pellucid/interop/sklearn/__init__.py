"""Networks as estimators of scikit-learn: `ConvClassifier` and `ConvRegressor`.

``import pellucid`` does not load scikit-learn; ``from pellucid.interop.sklearn import ConvClassifier`` does.
"""

from ...errors import MissingExtraError, installing

try:
    from sklearn.utils.validation import validate_data as _there_since_1_6  # noqa: F401
except ImportError as error:
    raise MissingExtraError(
        f"estimators need scikit-learn 1.6 or newer, which is not installed: {installing('sklearn')}"
    ) from error

from .classifier import ConvClassifier as ConvClassifier
from .regressor import ConvRegressor as ConvRegressor
