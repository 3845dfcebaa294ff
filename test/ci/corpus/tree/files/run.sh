#!/bin/sh
echo a script ran
