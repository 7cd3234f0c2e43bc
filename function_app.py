"""What Azure Functions indexes: the blueprints, and nothing else."""

import azure.functions as func

from functions import api, dashboard, events, sweep, worker

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for blueprint in (events.bp, worker.bp, sweep.bp, *api.blueprints, dashboard.bp):
    app.register_functions(blueprint)
