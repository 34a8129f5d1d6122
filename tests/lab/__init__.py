"""Real systemd machines to try fleettui on, and the tests that need them."""
