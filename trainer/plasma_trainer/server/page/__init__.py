# SPDX-License-Identifier: Apache-2.0
"""What people see of the server: HTML that it renders itself, and one small script that keeps it live."""

from plasma_trainer.server.page.routes import routes

__all__ = ["routes"]
