"""Students' and instructors' servers on this machine: /etc/jupyter/jupyter_server_config.py."""

c = get_config()  # noqa: F821

# The page for handing in, and the address that opens an updated start page (course/start).
c.ServerApp.jpserver_extensions = {"course.student.server": True}
# Kernels of closed notebooks are stopped after an hour, so that they do not keep memory.
c.MappingKernelManager.cull_idle_timeout = 3600
