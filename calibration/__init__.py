"""What THIS machine, pen and paper do, measured.

This package knows pen responses, paper-to-machine geometry, charts and scans. It
knows nothing of networks, ports or acknowledgements.
"""
