"""All targets, by name."""

from fuzzing import (
    archive_targets,
    array_targets,
    export_targets,
    image_targets,
    record_targets,
    settings_targets,
    study_targets,
    table_targets,
    weight_targets,
)
from fuzzing.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (
        record_targets,
        archive_targets,
        image_targets,
        array_targets,
        export_targets,
        table_targets,
        settings_targets,
        study_targets,
        weight_targets,
    )
    for target in module.TARGETS
}
