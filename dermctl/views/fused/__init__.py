"""The device's passes over pixels as Triton kernels: three launches a batch, whatever is in it.

They compute what plain torch does in ``dermctl.views.device_crop`` and ``dermctl.views.device``,
which start some hundred kernels for it. Only these modules import Triton.
"""
