"""Recorded traffic of real Azure, sent again to the stand-in; whatever differs is told.

``python -m tests.component.azure.recordings`` walks every recording and prints the counts and each difference that
``local/DIFFERENCES.md`` does not list. With words it walks the recordings whose names contain one of them, call by
call: ``python -m tests.component.azure.recordings private_endpoint_asg``. ``DRAWBRIDGE_REFERENCE`` names the folder of
recordings where it is not beside the repository.
"""
