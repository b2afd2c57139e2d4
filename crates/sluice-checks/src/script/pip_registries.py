"""Prints where pip gets packages from when nobody tells it."""

import glob
import os
import sys
import sysconfig

try:
    import pip  # noqa: F401
except ImportError:
    import ensurepip

    folders = [os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"), sysconfig.get_config_var("WHEEL_PKG_DIR")]
    sys.path[:0] = [wheel for folder in folders if folder for wheel in glob.glob(os.path.join(folder, "pip-*.whl"))]

from pip._internal.models.index import PyPI

print(PyPI.simple_url)
print("https://" + PyPI.file_storage_domain)
