"""Creates the buckets named on the command line where there are none; store and key come from AWS's variables."""

import sys

import boto3


def main(names: list[str]) -> None:
    """Create each bucket that the store does not have."""
    client = boto3.client("s3")
    there = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    for name in names:
        if name not in there:
            client.create_bucket(Bucket=name)


if __name__ == "__main__":
    main(sys.argv[1:])
