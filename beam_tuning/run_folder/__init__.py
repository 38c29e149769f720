"""The output folder of a run: its names, manifest, reading, writing, claiming and deleting. Local or gs://; no Beam."""
